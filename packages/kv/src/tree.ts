import type { ByteString } from './bytes.ts';
import type { Version } from './write-set.ts';

/**
 * An ordered map as a B+tree, edited in place by the generation that owns a node and copied by every other.
 *
 * A generation is a number that only grows. Whoever edits brings the current one; a node made under an
 * earlier generation is then copied first, so a reader that kept an old tree never sees it move. Starting a
 * new generation is therefore all it takes to freeze everything: `retain` costs one addition.
 */
export type Generation = number;

/** Most keys in a leaf, most separators in a branch. Chosen by measurement, see docs/decisions/0002. */
export const nodeKeysMax = 32;

/** Fewest keys in any node but the root. Low, so that appending leaves nearly full nodes behind. */
export const nodeKeysMin = nodeKeysMax / 8;

/** Rows in key order, as parallel arrays: half the memory of one object a row. */
export class Leaf<V> {
  readonly owner: Generation;
  keys: readonly ByteString[];
  readonly children = null;
  values: V[];
  versions: Version[];

  constructor(owner: Generation, keys: readonly ByteString[], values: V[], versions: Version[]) {
    this.owner = owner;
    this.keys = keys;
    this.values = values;
    this.versions = versions;
  }
}

/** `children[i]` holds the keys at or above `keys[i - 1]` and below `keys[i]`. */
export class Branch<V> {
  readonly owner: Generation;
  keys: readonly ByteString[];
  children: Node<V>[];

  constructor(owner: Generation, keys: readonly ByteString[], children: Node<V>[]) {
    this.owner = owner;
    this.keys = keys;
    this.children = children;
  }
}

/** A node knows its kind by whether it has children. */
export type Node<V> = Leaf<V> | Branch<V>;

/** One map: the root and what must be known without walking. Copied like a node when not owned. */
export class Tree<V> {
  readonly owner: Generation;
  root: Node<V>;
  size: number;

  constructor(owner: Generation, root: Node<V> = new Leaf<V>(owner, [], [], []), size = 0) {
    this.owner = owner;
    this.root = root;
    this.size = size;
  }

  /** This tree if the generation owns it, otherwise a copy that it owns. */
  editable(generation: Generation): Tree<V> {
    return this.owner === generation ? this : new Tree(generation, this.root, this.size);
  }

  get(key: ByteString): V | undefined {
    const leaf = leafFor(this.root, key);
    const at = lowerBound(leaf.keys, key);
    return leaf.keys[at] === key ? leaf.values[at] : undefined;
  }

  versionOf(key: ByteString): Version | undefined {
    const leaf = leafFor(this.root, key);
    const at = lowerBound(leaf.keys, key);
    return leaf.keys[at] === key ? leaf.versions[at] : undefined;
  }

  has(key: ByteString): boolean {
    return this.versionOf(key) !== undefined;
  }

  /** Only for an owned tree. */
  set(key: ByteString, value: V, version: Version): void {
    this.root = this.#insert(this.root, key, value, version);
    if (this.root.keys.length <= nodeKeysMax) return;
    const parent = new Branch<V>(this.owner, [], [this.root]);
    splitChild(parent, 0, key);
    this.root = parent;
  }

  /** Only for an owned tree. Nothing is copied when the key is absent. */
  delete(key: ByteString): boolean {
    if (!this.has(key)) return false;
    const root = own(this.root, this.owner);
    remove(root, key);
    this.size--;
    const onlyChild = root.children !== null && root.keys.length === 0 ? root.children[0] : undefined;
    this.root = onlyChild ?? root;
    return true;
  }

  /** An owned node in the place of this one. It may be one key too long, for its parent to split. */
  #insert(node: Node<V>, key: ByteString, value: V, version: Version): Node<V> {
    if (node.children === null) return this.#insertRow(node, key, value, version);
    const branch = ownBranch(node, this.owner);
    const at = childIndex(branch.keys, key);
    const before = branch.children[at]!;
    const after = this.#insert(before, key, value, version);
    // A write that changes nothing still costs the collector, in a branch it has grown old with.
    if (after !== before) branch.children[at] = after;
    if (after.keys.length > nodeKeysMax) splitChild(branch, at, key);
    return branch;
  }

  #insertRow(leaf: Leaf<V>, key: ByteString, value: V, version: Version): Leaf<V> {
    const at = lowerBound(leaf.keys, key);
    if (leaf.keys[at] === key) {
      const owned = ownLeaf(leaf, this.owner);
      owned.values[at] = value;
      owned.versions[at] = version;
      return owned;
    }
    this.size++;
    const keys = leaf.keys.toSpliced(at, 0, key);
    return new Leaf(
      this.owner,
      keys,
      leaf.values.toSpliced(at, 0, value),
      leaf.versions.toSpliced(at, 0, version),
    );
  }
}

/** Index of the first key at or above `key`. */
export function lowerBound(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the child that holds `key`: that of the first separator above it. */
export function childIndex(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function leafFor<V>(root: Node<V>, key: ByteString): Leaf<V> {
  let node = root;
  while (node.children !== null) node = node.children[childIndex(node.keys, key)]!;
  return node;
}

/**
 * The node itself if the generation owns it, otherwise a copy. Both keep the same `keys`: these arrays are
 * replaced and never edited, since most writes change a value or a child and no key.
 */
function ownLeaf<V>(leaf: Leaf<V>, generation: Generation): Leaf<V> {
  if (leaf.owner === generation) return leaf;
  return new Leaf(generation, leaf.keys, leaf.values.slice(), leaf.versions.slice());
}

/** The same for a branch. */
function ownBranch<V>(branch: Branch<V>, generation: Generation): Branch<V> {
  if (branch.owner === generation) return branch;
  return new Branch(generation, branch.keys, branch.children.slice());
}

function own<V>(node: Node<V>, generation: Generation): Node<V> {
  return node.children === null ? ownLeaf(node, generation) : ownBranch(node, generation);
}

/** Divides an overlong owned child in two: evenly, or, if keys arrive in order, with little to the right. */
function splitChild<V>(parent: Branch<V>, at: number, inserted: ByteString): void {
  const child = parent.children[at]!;
  const { owner, keys } = child;
  const appended = inserted >= keys[keys.length - 1]!;
  const middle = appended ? keys.length - nodeKeysMin - 1 : keys.length >>> 1;
  let right: Node<V>;
  if (child.children === null) {
    right = new Leaf(owner, keys.slice(middle), child.values.slice(middle), child.versions.slice(middle));
    child.values = child.values.slice(0, middle);
    child.versions = child.versions.slice(0, middle);
  } else {
    right = new Branch(owner, keys.slice(middle + 1), child.children.slice(middle + 1));
    child.children = child.children.slice(0, middle + 1);
  }
  child.keys = keys.slice(0, middle);
  parent.keys = parent.keys.toSpliced(at, 0, keys[middle]!);
  parent.children = parent.children.toSpliced(at + 1, 0, right);
}

/** From an owned node, which it may leave one key too short for its parent to mend. The key is present. */
function remove<V>(node: Node<V>, key: ByteString): void {
  if (node.children === null) {
    const at = lowerBound(node.keys, key);
    node.keys = node.keys.toSpliced(at, 1);
    node.values = node.values.toSpliced(at, 1);
    node.versions = node.versions.toSpliced(at, 1);
    return;
  }
  const at = childIndex(node.keys, key);
  const child = own(node.children[at]!, node.owner);
  node.children[at] = child;
  remove(child, key);
  if (child.keys.length < nodeKeysMin) mendChild(node, at);
}

/** Joins a short child with a neighbour, and divides the result again if it is too long for one node. */
function mendChild<V>(parent: Branch<V>, at: number): void {
  const leftAt = at === 0 ? 0 : at - 1;
  const left = own(parent.children[leftAt]!, parent.owner);
  const right = parent.children[leftAt + 1]!;
  if (left.children === null && right.children === null) {
    left.keys = left.keys.concat(right.keys);
    left.values = left.values.concat(right.values);
    left.versions = left.versions.concat(right.versions);
  } else if (left.children !== null && right.children !== null) {
    left.keys = left.keys.concat(parent.keys[leftAt]!, right.keys);
    left.children = left.children.concat(right.children);
  }
  parent.children = parent.children.toSpliced(leftAt, 2, left);
  parent.keys = parent.keys.toSpliced(leftAt, 1);
  // Nothing was appended, so evenly: hence the lowest key.
  if (left.keys.length > nodeKeysMax) splitChild(parent, leftAt, '');
}

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
export interface Leaf<V> {
  owner: Generation;
  keys: ByteString[];
  children: null;
  values: V[];
  versions: Version[];
}

/** `children[i]` holds the keys at or above `keys[i - 1]` and below `keys[i]`. */
export interface Branch<V> {
  owner: Generation;
  keys: ByteString[];
  children: Node<V>[];
}

/** A node knows its kind by whether it has children. */
export type Node<V> = Leaf<V> | Branch<V>;

/** One map: the root and what must be known without walking. Copied like a node when not owned. */
export class Tree<V> {
  readonly owner: Generation;
  root: Node<V>;
  size: number;

  constructor(owner: Generation, root: Node<V> = makeLeaf<V>(owner, [], [], []), size = 0) {
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
    const root = own(this.root, this.owner);
    if (insert(root, key, value, version)) this.size++;
    if (root.keys.length <= nodeKeysMax) {
      this.root = root;
      return;
    }
    const parent = makeBranch<V>(this.owner, [], [root]);
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
}

/** A leaf of these rows. */
export function makeLeaf<V>(
  owner: Generation,
  keys: ByteString[],
  values: V[],
  versions: Version[],
): Leaf<V> {
  return { owner, keys, children: null, values, versions };
}

/** A branch over these children. */
export function makeBranch<V>(owner: Generation, keys: ByteString[], children: Node<V>[]): Branch<V> {
  return { owner, keys, children };
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

function own<V>(node: Node<V>, generation: Generation): Node<V> {
  if (node.owner === generation) return node;
  return node.children === null
    ? makeLeaf(generation, node.keys.slice(), node.values.slice(), node.versions.slice())
    : makeBranch(generation, node.keys.slice(), node.children.slice());
}

/** Into an owned node, which it may leave one key too long for its parent to split. True if the key is new. */
function insert<V>(node: Node<V>, key: ByteString, value: V, version: Version): boolean {
  if (node.children === null) return insertRow(node, key, value, version);
  const at = childIndex(node.keys, key);
  const child = own(node.children[at]!, node.owner);
  node.children[at] = child;
  const isNew = insert(child, key, value, version);
  if (child.keys.length > nodeKeysMax) splitChild(node, at, key);
  return isNew;
}

function insertRow<V>(leaf: Leaf<V>, key: ByteString, value: V, version: Version): boolean {
  const at = lowerBound(leaf.keys, key);
  if (leaf.keys[at] === key) {
    leaf.values[at] = value;
    leaf.versions[at] = version;
    return false;
  }
  leaf.keys.splice(at, 0, key);
  leaf.values.splice(at, 0, value);
  leaf.versions.splice(at, 0, version);
  return true;
}

/** Divides an overlong owned child in two: evenly, or, when keys arrive in order, with little to the right. */
function splitChild<V>(parent: Branch<V>, at: number, inserted: ByteString): void {
  const child = parent.children[at]!;
  const count = child.keys.length;
  const appended = inserted >= child.keys[count - 1]!;
  const middle = appended ? count - nodeKeysMin - 1 : count >>> 1;
  let right: Node<V>;
  let separator = child.keys[middle]!;
  if (child.children === null) {
    right = makeLeaf(
      parent.owner,
      child.keys.slice(middle),
      child.values.slice(middle),
      child.versions.slice(middle),
    );
    child.values.length = middle;
    child.versions.length = middle;
  } else {
    separator = child.keys[middle]!;
    right = makeBranch(parent.owner, child.keys.slice(middle + 1), child.children.slice(middle + 1));
    child.children.length = middle + 1;
  }
  child.keys.length = middle;
  parent.keys.splice(at, 0, separator);
  parent.children.splice(at + 1, 0, right);
}

/** From an owned node, which it may leave one key too short for its parent to mend. The key is present. */
function remove<V>(node: Node<V>, key: ByteString): void {
  if (node.children === null) {
    const at = lowerBound(node.keys, key);
    node.keys.splice(at, 1);
    node.values.splice(at, 1);
    node.versions.splice(at, 1);
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
  const separator = parent.keys[leftAt]!;
  if (left.children === null && right.children === null) {
    for (let i = 0; i < right.keys.length; i++) {
      left.keys.push(right.keys[i]!);
      left.values.push(right.values[i]!);
      left.versions.push(right.versions[i]!);
    }
  } else if (left.children !== null && right.children !== null) {
    left.keys.push(separator, ...right.keys);
    left.children.push(...right.children);
  }
  parent.children[leftAt] = left;
  parent.keys.splice(leftAt, 1);
  parent.children.splice(leftAt + 1, 1);
  if (left.keys.length > nodeKeysMax) splitChild(parent, leftAt, '');
}

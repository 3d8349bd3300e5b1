import type { ByteString } from './bytes.ts';
import { type Branch, childIndex, type Leaf, lowerBound, type Node, type Tree } from './tree.ts';

/** An interval of keys: `from` inclusive, `to` exclusive, undefined = without end. */
export interface Interval {
  from: ByteString;
  to: ByteString | undefined;
}

/** Walks the keys of one interval of one tree, which must not be edited meanwhile. */
export class Cursor<V> {
  /** Where the walk is; undefined once it has left the interval. */
  leaf: Leaf<V> | undefined;
  index = 0;

  readonly #interval: Interval;
  readonly #reverse: boolean;
  readonly #branches: Branch<V>[] = [];
  readonly #positions: number[] = [];

  constructor(tree: Tree<V>, interval: Interval, reverse = false) {
    this.#interval = interval;
    this.#reverse = reverse;
    if (reverse) this.#seekLast(tree.root);
    else this.#seekFirst(tree.root);
    this.#leaveOutside();
  }

  get key(): ByteString {
    return this.leaf!.keys[this.index]!;
  }

  /** Moves to the next key in the direction of the walk. */
  advance(): void {
    this.index += this.#reverse ? -1 : 1;
    this.#leaveOutside();
  }

  /** Moves past what is left of this leaf. */
  skipLeaf(): void {
    this.index = this.#reverse ? -1 : this.leaf!.keys.length;
    this.#leaveOutside();
  }

  #seekFirst(root: Node<V>): void {
    const { from } = this.#interval;
    this.leaf = this.#descend(root, (node) => childIndex(node.keys, from));
    this.index = lowerBound(this.leaf.keys, from);
  }

  #seekLast(root: Node<V>): void {
    const { to } = this.#interval;
    this.leaf = this.#descend(root, (node) =>
      to === undefined ? node.keys.length : childIndex(node.keys, to),
    );
    this.index = (to === undefined ? this.leaf.keys.length : lowerBound(this.leaf.keys, to)) - 1;
  }

  #descend(root: Node<V>, choose: (node: Branch<V>) => number): Leaf<V> {
    let node = root;
    while (node.children !== null) {
      const at = choose(node);
      this.#branches.push(node);
      this.#positions.push(at);
      node = node.children[at]!;
    }
    return node;
  }

  /** Steps over the end of a leaf and stops at the end of the interval. */
  #leaveOutside(): void {
    if (this.leaf === undefined) return;
    if (this.index < 0 || this.index >= this.leaf.keys.length) {
      this.leaf = this.#neighbour();
      if (this.leaf === undefined) return;
      this.index = this.#reverse ? this.leaf.keys.length - 1 : 0;
    }
    const key = this.leaf.keys[this.index];
    const { from, to } = this.#interval;
    if (key === undefined || (this.#reverse ? key < from : to !== undefined && key >= to))
      this.leaf = undefined;
  }

  #neighbour(): Leaf<V> | undefined {
    while (this.#branches.length > 0) {
      const node = this.#branches.pop()!;
      const at = this.#positions.pop()! + (this.#reverse ? -1 : 1);
      if (at < 0 || at >= node.children.length) continue;
      this.#branches.push(node);
      this.#positions.push(at);
      return this.#descend(node.children[at]!, (below) => (this.#reverse ? below.keys.length : 0));
    }
    return undefined;
  }
}

/**
 * Whether two trees hold the same rows (keys and versions) in an interval. Leaves they share are not read:
 * both walks have seen equal keys so far, so they enter a shared leaf at the same place.
 */
export function sameRows<V>(left: Tree<V>, right: Tree<V>, interval: Interval): boolean {
  if (left.root === right.root) return true;
  const one = new Cursor(left, interval);
  const other = new Cursor(right, interval);
  while (one.leaf !== undefined && other.leaf !== undefined) {
    if (one.leaf === other.leaf) {
      one.skipLeaf();
      other.skipLeaf();
      continue;
    }
    if (one.key !== other.key || one.leaf.versions[one.index] !== other.leaf.versions[other.index])
      return false;
    one.advance();
    other.advance();
  }
  return one.leaf === other.leaf;
}

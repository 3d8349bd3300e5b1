import type { ByteString } from './bytes.ts';
import { Cursor, type Interval } from './cursor.ts';
import { KvError } from './errors.ts';
import type { RangeOptions, Row } from './readable.ts';
import { Tree } from './tree.ts';

/** The interval that options describe. An empty one may have `from` above `to`. */
export function intervalOf(options: RangeOptions): Interval {
  const { prefix, after, reverse = false } = options;
  let from = options.from ?? '';
  let to = options.to;
  if (prefix !== undefined) {
    const end = prefixEnd(prefix);
    if (prefix > from) from = prefix;
    if (end !== undefined && (to === undefined || end < to)) to = end;
  }
  if (after !== undefined && reverse) {
    if (to === undefined || after < to) to = after;
  } else if (after !== undefined && after >= from) {
    from = successor(after);
  }
  return { from, to };
}

/** The limit of a range. Throws KvError 'InvalidRange' when it is not a count. */
export function limitOf(options: RangeOptions): number {
  const { limit = Number.POSITIVE_INFINITY } = options;
  if (limit >= 0 && (Number.isInteger(limit) || limit === Number.POSITIVE_INFINITY)) return limit;
  throw new KvError(
    'InvalidRange',
    `range limit ${limit} is not a count of rows: give an integer, 0 or more`,
  );
}

/** The lowest key above `key`. */
export function successor(key: ByteString): ByteString {
  return `${key}\x00`;
}

/** The lowest key above all that begin with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: ByteString): ByteString | undefined {
  let last = prefix.length - 1;
  while (last >= 0 && prefix.charCodeAt(last) === 0xff) last--;
  if (last < 0) return undefined;
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
}

/** Told by a walk how far it has read. */
export interface ReadObserver {
  /** Before each step: throws when the tree may no longer be read. */
  beforeRead(): void;
  /** A row was handed out: everything from the start of the walk to it was read. */
  sawKey(key: ByteString): void;
  /** There was no further row: the whole interval was read. */
  sawEnd(): void;
}

const unobserved: ReadObserver = { beforeRead() {}, sawKey() {}, sawEnd() {} };

/** No rows to lay over any map. Never edited: no generation is this low. */
export const noOverlay = new Tree<ByteString | null>(-1);

/** The rows of a frozen tree. Throws KvError 'InvalidRange'. */
export function rowsOf(tree: Tree<ByteString>, options: RangeOptions): IterableIterator<Row> {
  return new MergedRows(tree, noOverlay, intervalOf(options), options, unobserved);
}

/** The rows of `base` with `overlay` (null = removed) laid over it; neither may be edited meanwhile. */
export class MergedRows implements IterableIterator<Row> {
  readonly #base: Cursor<ByteString>;
  readonly #overlay: Cursor<ByteString | null>;
  readonly #reverse: boolean;
  readonly #observer: ReadObserver;
  #left: number;

  constructor(
    base: Tree<ByteString>,
    overlay: Tree<ByteString | null>,
    interval: Interval,
    options: RangeOptions,
    observer: ReadObserver,
  ) {
    this.#reverse = options.reverse ?? false;
    this.#left = limitOf(options);
    this.#observer = observer;
    this.#base = new Cursor(base, interval, this.#reverse);
    this.#overlay = new Cursor(overlay, interval, this.#reverse);
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Row, undefined> {
    if (this.#left <= 0) return { done: true, value: undefined };
    this.#observer.beforeRead();
    const row = this.#step();
    if (row === undefined) {
      this.#left = 0;
      this.#observer.sawEnd();
      return { done: true, value: undefined };
    }
    this.#left--;
    this.#observer.sawKey(row.key);
    return { done: false, value: row };
  }

  /** A consumer that stops early has read no further than the rows it took. */
  return(): IteratorResult<Row, undefined> {
    this.#left = 0;
    return { done: true, value: undefined };
  }

  #step(): Row | undefined {
    const base = this.#base;
    const overlay = this.#overlay;
    while (overlay.leaf !== undefined) {
      const { key } = overlay;
      const inBase = base.leaf !== undefined && base.key === key;
      if (base.leaf !== undefined && !inBase && base.key < key !== this.#reverse) break;
      const value = overlay.leaf.values[overlay.index]!;
      const version = inBase ? base.leaf!.versions[base.index]! : 0;
      overlay.advance();
      if (inBase) base.advance();
      if (value !== null) return { key, value, version };
    }
    const { leaf, index } = base;
    if (leaf === undefined) return undefined;
    base.advance();
    return { key: leaf.keys[index]!, value: leaf.values[index]!, version: leaf.versions[index]! };
  }
}

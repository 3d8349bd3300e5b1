import type { ByteString } from './bytes.ts';
import { type Interval, sameRows } from './cursor.ts';
import { KvError } from './errors.ts';
import { limits } from './limits.ts';
import { intervalOf, MergedRows, noOverlay, type ReadObserver, successor } from './range.ts';
import { everything, type MapReads } from './read-set.ts';
import type { RangeOptions, Row } from './readable.ts';
import { Tree } from './tree.ts';
import type { MapName, MapWrites, Version } from './write-set.ts';

const noWalks: readonly Walk[] = [];

/**
 * One map as one transaction sees it: the map as it was (`base`), what the transaction wrote over it, and
 * which parts of `base` its behaviour depends on.
 *
 * A read still holds when it would give the same answer now; that is all serialisability asks, because the
 * transaction then behaves as if it had run entirely at its commit. So a key that was read as absent and has
 * since come and gone again is no conflict. One that was removed and written again is: its version differs.
 */
export class MapView {
  readonly name: MapName;
  readonly base: Tree<ByteString>;
  writes: MapWrites | undefined;
  /** The view the transaction made after this one: a chain is the cheapest list of one or two. */
  next: MapView | undefined;
  /** Cleared when the transaction ends: from then on `base` may be edited, and iterators must not read on. */
  open = true;

  /** `writes` in order, made when a range is first read over them, and kept up from then on. */
  #ordered: Tree<ByteString | null> | undefined;
  #orderedInUse = false;
  #keysRead: Set<ByteString> | undefined;
  #walks: Walk[] | undefined;
  #sizeRead = false;
  #allRead = false;

  constructor(name: MapName, base: Tree<ByteString>) {
    this.name = name;
    this.base = base;
  }

  get(key: ByteString): ByteString | undefined {
    const written = this.writes?.get(key);
    if (written !== undefined) return written ?? undefined;
    this.#readKey(key);
    return this.base.get(key);
  }

  versionOf(key: ByteString): Version | undefined {
    this.#readKey(key);
    return this.base.versionOf(key);
  }

  size(): number {
    this.#sizeRead = true;
    let size = this.base.size;
    if (this.writes === undefined) return size;
    for (const [key, value] of this.writes) {
      const before = this.versionOf(key) !== undefined;
      if (before && value === null) size--;
      if (!before && value !== null) size++;
    }
    return size;
  }

  write(key: ByteString, value: ByteString | null): void {
    this.writes ??= new Map();
    this.writes.set(key, value);
    if (this.#ordered === undefined) return;
    if (this.#orderedInUse) {
      this.#ordered = this.#ordered.editable(this.#ordered.owner + 1);
      this.#orderedInUse = false;
    }
    this.#ordered.set(key, value, 0);
  }

  /** Rows as they are now: later writes of the transaction do not move an iterator already made. */
  range(options: RangeOptions): IterableIterator<Row> {
    const interval = intervalOf(options);
    const walk = new Walk(this, interval, options.reverse ?? false);
    const rows = new MergedRows(this.base, this.#orderedWrites(), interval, options, walk);
    this.#remember(walk);
    return rows;
  }

  /** Whether everything read from `base` reads the same in `now`. Both are frozen or not being edited. */
  holdsIn(now: Tree<ByteString>): boolean {
    if (now === this.base) return true;
    if (this.#sizeRead && now.size !== this.base.size) return false;
    if (this.#allRead) return sameRows(this.base, now, everything);
    for (const key of this.#keysRead ?? []) {
      if (now.versionOf(key) !== this.base.versionOf(key)) return false;
    }
    for (const walk of this.#walks ?? []) {
      const interval = walk.read();
      if (interval !== undefined && !sameRows(this.base, now, interval)) return false;
    }
    return true;
  }

  /** What was read of `base`; undefined if nothing was. */
  reads(): MapReads | undefined {
    if (this.#sizeRead || this.#allRead) return { keys: [], intervals: [everything] };
    if (this.#keysRead === undefined && this.#walks === undefined) return undefined;
    const intervals: Interval[] = [];
    for (const walk of this.#walks ?? noWalks) {
      const interval = walk.read();
      if (interval !== undefined) intervals.push(interval);
    }
    const keys = this.#keysRead === undefined ? [] : [...this.#keysRead];
    if (keys.length <= limits.recordedReadsMax) return { keys, intervals };
    keys.sort();
    return { keys: [], intervals: [...intervals, { from: keys[0]!, to: successor(keys.at(-1)!) }] };
  }

  #readKey(key: ByteString): void {
    if (this.#allRead) return;
    this.#keysRead ??= new Set();
    this.#keysRead.add(key);
    if (this.#keysRead.size > limits.keyReadsMax) this.#readAll();
  }

  #remember(walk: Walk): void {
    if (this.#allRead) return;
    this.#walks ??= [];
    this.#walks.push(walk);
    if (this.#walks.length > limits.rangeReadsMax) this.#readAll();
  }

  /** Coarser and still safe: bounds the memory that reads may take. */
  #readAll(): void {
    this.#allRead = true;
    this.#keysRead = undefined;
    this.#walks = undefined;
  }

  #orderedWrites(): Tree<ByteString | null> {
    if (this.writes === undefined) return noOverlay;
    if (this.#ordered === undefined) {
      this.#ordered = new Tree<ByteString | null>(0);
      for (const [key, value] of this.writes) this.#ordered.set(key, value, 0);
    }
    this.#orderedInUse = true;
    return this.#ordered;
  }
}

/** How far one range has been read: the part that must still be the same at commit. */
class Walk implements ReadObserver {
  readonly #view: MapView;
  readonly #interval: Interval;
  readonly #reverse: boolean;
  #last: ByteString | undefined;
  #ended = false;

  constructor(view: MapView, interval: Interval, reverse: boolean) {
    this.#view = view;
    this.#interval = interval;
    this.#reverse = reverse;
  }

  beforeRead(): void {
    if (!this.#view.open) throw transactionFinished();
  }

  sawKey(key: ByteString): void {
    this.#last = key;
  }

  sawEnd(): void {
    this.#ended = true;
  }

  /** The interval read so far; undefined if nothing was. */
  read(): Interval | undefined {
    const { from, to } = this.#interval;
    if (this.#ended) return { from, to };
    if (this.#last === undefined) return undefined;
    return this.#reverse ? { from: this.#last, to } : { from, to: `${this.#last}\x00` };
  }
}

/** The error of using a transaction, or an iterator from it, after its end. */
export function transactionFinished(): KvError {
  return new KvError('TransactionFinished', 'the transaction was committed or discarded: begin a new one');
}

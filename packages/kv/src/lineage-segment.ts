import type { ByteString } from './bytes.ts';
import type { Interval } from './cursor.ts';
import { IntervalIndex } from './interval-index.ts';
import type { ReadSet } from './read-set.ts';
import type { MapName, Version, WriteSet } from './write-set.ts';

/** How a transaction touched a key. */
export const touch = { read: 0, write: 1, remove: 2 } as const;
/** One of `touch`. */
export type Touch = (typeof touch)[keyof typeof touch];

/** What is known of a transaction as a whole. */
export const fact = { unread: 1, fixed: 2 } as const;

interface MapIndex {
  readonly name: MapName;
  /** Number of each key, under which its touches are chained. */
  readonly keys: Map<ByteString, number>;
  /** Versions that read each interval, ascending. */
  readonly scans: IntervalIndex<Version[]>;
}

/** Numbers that grow at the end, 4 bytes each. */
class Column {
  length = 0;
  #values = new Uint32Array(1024);

  get(at: number): number {
    return this.#values[at]!;
  }

  set(at: number, value: number): void {
    this.#values[at] = value;
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }
}

/**
 * Who read and wrote which key, for consecutive versions. Touches lie in one row of numbers, those of one
 * version together; each knows the next and the previous touch of the same key (0 = none: place 0 is empty).
 */
export class LineageSegment {
  readonly from: Version;
  readonly #maps = new Map<MapName, MapIndex>();
  readonly #keyOf: ByteString[] = [];
  readonly #mapOf: MapIndex[] = [];
  readonly #firstOf = new Column();
  readonly #lastOf = new Column();
  readonly #versions = new Column();
  /** Number of the key times 4, plus the kind of touch. */
  readonly #touches = new Column();
  readonly #next = new Column();
  readonly #previous = new Column();
  /** First touch of each version, by version less `from`. */
  readonly #starts = new Column();
  readonly #facts = new Column();
  #scans = 0;
  /** Where the version that was asked about last touched what: questions about one version come in a row. */
  #opened: { readonly version: Version; readonly places: ReadonlyMap<number, number> } | undefined;

  constructor(from: Version) {
    this.from = from;
    for (const column of [this.#versions, this.#touches, this.#next, this.#previous]) column.push(0);
  }

  /** The version after the last one recorded. */
  get end(): Version {
    return this.from + this.#starts.length;
  }

  /** How many touches and scans it holds. */
  get size(): number {
    return this.#versions.length - 1 + this.#scans;
  }

  record(version: Version, writes: WriteSet, reads: ReadSet | undefined, facts: number): void {
    while (this.end < version) this.#begin(0);
    this.#begin(facts);
    for (const [name, { keys, intervals }] of reads ?? []) {
      const map = this.#map(name);
      for (const key of keys) this.#append(version, map, key, touch.read);
      for (const interval of intervals) this.#scanned(version, map, interval);
    }
    for (const [name, values] of writes) {
      const map = this.#map(name);
      for (const [key, value] of values)
        this.#append(version, map, key, value === null ? touch.remove : touch.write);
    }
  }

  /** Forgets every version after `version`. */
  truncate(version: Version): void {
    const kept = Math.max(version + 1 - this.from, 0);
    if (kept >= this.#starts.length) return;
    this.#opened = undefined;
    const start = this.#starts.get(kept);
    for (let at = this.#versions.length - 1; at >= start; at--) this.#unchain(at);
    for (const column of [this.#versions, this.#touches, this.#next, this.#previous]) column.length = start;
    this.#starts.length = kept;
    this.#facts.length = kept;
    for (const map of this.#maps.values()) {
      for (const { about: readers } of map.scans.values())
        for (; (readers.at(-1) ?? 0) > version; this.#scans--) readers.pop();
    }
  }

  facts(version: Version): number {
    return this.#facts.get(version - this.from);
  }

  /** Calls `see` with each key the version wrote. */
  eachWritten(version: Version, see: (map: MapName, key: ByteString) => void): void {
    const end = this.#endOf(version);
    for (let at = this.#starts.get(version - this.from); at < end; at++) {
      const number = this.#touches.get(at);
      if ((number & 3) !== touch.read) see(this.#mapOf[number >>> 2]!.name, this.#keyOf[number >>> 2]!);
    }
  }

  /** Calls `see` with each touch of a key after a version, ascending, until it answers true. Answers whether it did. */
  eachAfter(
    map: MapName,
    key: ByteString,
    version: Version,
    see: (version: Version, kind: Touch) => boolean,
  ): boolean {
    const entity = this.#maps.get(map)?.keys.get(key);
    if (entity === undefined) return false;
    // The chain is entered where the transaction itself touched the key, if it did.
    let at = this.#within(entity, version) || this.#firstOf.get(entity);
    for (; at !== 0; at = this.#next.get(at)) {
      const by = this.#versions.get(at);
      if (by > version && see(by, (this.#touches.get(at) & 3) as Touch)) return true;
    }
    return false;
  }

  /** Calls `see` with each write of a key before a version, descending, until it answers true. Answers whether it did. */
  eachWriteBefore(
    map: MapName,
    key: ByteString,
    version: Version,
    see: (version: Version, kind: Touch) => boolean,
  ): boolean {
    const entity = this.#maps.get(map)?.keys.get(key);
    if (entity === undefined) return false;
    let at = this.#within(entity, version) || this.#lastOf.get(entity);
    for (; at !== 0; at = this.#previous.get(at)) {
      const by = this.#versions.get(at);
      const kind = (this.#touches.get(at) & 3) as Touch;
      if (by < version && kind !== touch.read && see(by, kind)) return true;
    }
    return false;
  }

  /** Calls `see` with the versions, ascending, that read an interval around a key: a list for each interval. */
  eachScanners(map: MapName, key: ByteString, see: (scanners: readonly Version[]) => void): void {
    this.#maps.get(map)?.scans.eachAround(key, see);
  }

  #begin(facts: number): void {
    this.#opened = undefined;
    this.#starts.push(this.#versions.length);
    this.#facts.push(facts);
  }

  #map(name: MapName): MapIndex {
    let map = this.#maps.get(name);
    if (map === undefined) {
      map = { name, keys: new Map(), scans: new IntervalIndex() };
      this.#maps.set(name, map);
    }
    return map;
  }

  #append(version: Version, map: MapIndex, key: ByteString, kind: Touch): void {
    const at = this.#versions.length;
    let entity = map.keys.get(key);
    if (entity === undefined) {
      entity = this.#keyOf.length;
      map.keys.set(key, entity);
      this.#keyOf.push(key);
      this.#mapOf.push(map);
      this.#firstOf.push(at);
      this.#lastOf.push(0);
    }
    const last = this.#lastOf.get(entity);
    if (last === 0) this.#firstOf.set(entity, at);
    else this.#next.set(last, at);
    this.#lastOf.set(entity, at);
    this.#versions.push(version);
    this.#touches.push(entity * 4 + kind);
    this.#next.push(0);
    this.#previous.push(last);
  }

  #scanned(version: Version, map: MapIndex, interval: Interval): void {
    const readers = map.scans.at(interval, () => []);
    if (readers.at(-1) === version) return;
    readers.push(version);
    this.#scans++;
  }

  #unchain(at: number): void {
    const entity = this.#touches.get(at) >>> 2;
    const previous = this.#previous.get(at);
    this.#lastOf.set(entity, previous);
    if (previous === 0) this.#firstOf.set(entity, 0);
    else this.#next.set(previous, 0);
  }

  /** The first touch of the key by the version itself; 0 when there is none. */
  #within(entity: number, version: Version): number {
    if (version < this.from || version >= this.end) return 0;
    if (this.#opened?.version !== version) this.#opened = { version, places: this.#placesOf(version) };
    return this.#opened.places.get(entity) ?? 0;
  }

  #placesOf(version: Version): Map<number, number> {
    const places = new Map<number, number>();
    for (let at = this.#endOf(version) - 1; at >= this.#starts.get(version - this.from); at--)
      places.set(this.#touches.get(at) >>> 2, at);
    return places;
  }

  #endOf(version: Version): number {
    const next = version + 1 - this.from;
    return next < this.#starts.length ? this.#starts.get(next) : this.#versions.length;
  }
}

/** Index of the first number above `bound` in an ascending list. */
export function firstAfter(numbers: readonly number[], bound: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

import type { ByteString, MapName, Store, WriteSet } from '@coco/kv';
import { type Segment, segmentBytes } from './audience.ts';
import { murmur32 } from './fingerprint.ts';
import { limits } from './limits.ts';
import { placeBytes } from './sealed-row.ts';
import { hasAudiences } from './tables.ts';

const seeds = [0x9e3779b9, 0x85ebca77] as const;
const bitsPerRow = 16;
const probes = 5;
const rowsMin = 16;

/** Two hashes of a name in a map. */
interface Hashes {
  readonly map: MapName;
  readonly name: ByteString;
  readonly one: number;
  readonly other: number;
}

/**
 * Where a row may lie, and where certainly not: a Bloom filter for each segment that is asked about. Who is in a thousand
 * audiences writes a row without looking through all of them. Each follows the store by itself, and holds what was removed or
 * rolled back for longer than it is there, which does no harm.
 */
export class RowFilters {
  readonly #store: Store;
  readonly #filters = new Map<Segment, Filter>();
  #latest: Hashes = { map: '', name: '', one: 0, other: 0 };

  constructor(store: Store) {
    this.#store = store;
    store.onApply((_version, writeSet) => this.#take(writeSet));
    store.onAdopt(() => this.#filters.clear());
  }

  /** False: the latest state has no row of this name, as it stands behind the segment, in that map. */
  mayHave(segment: Segment, map: MapName, name: ByteString): boolean {
    const filter = this.#filters.get(segment) ?? this.#make(segment);
    return filter.has(this.#hashesOf(map, name));
  }

  #take(writeSet: WriteSet): void {
    if (this.#filters.size === 0) return;
    for (const [map, writes] of writeSet) {
      if (!hasAudiences(map)) continue;
      for (const [key, value] of writes) {
        const segment = key.slice(0, segmentBytes);
        const filter = value === null ? undefined : this.#filters.get(segment);
        if (filter === undefined) continue;
        // A full one is made anew when it is next asked, with room for twice as many.
        if (filter.isFull) this.#filters.delete(segment);
        else filter.add(this.#hashesOf(map, key.slice(segmentBytes)));
      }
    }
  }

  #make(segment: Segment): Filter {
    const found: Hashes[] = [];
    const state = this.#store.begin();
    for (const map of state.maps()) {
      if (!hasAudiences(map)) continue;
      for (const { key } of state.range(map, { prefix: segment }))
        found.push(this.#hashesOf(map, key.slice(segmentBytes)));
    }
    state.discard();
    const filter = new Filter(Math.max(rowsMin, 2 * found.length));
    for (const each of found) filter.add(each);
    if (this.#filters.size >= limits.rowFiltersMax) this.#filters.clear();
    this.#filters.set(segment, filter);
    return filter;
  }

  /** One name is asked for in many segments. */
  #hashesOf(map: MapName, name: ByteString): Hashes {
    if (this.#latest.map === map && this.#latest.name === name) return this.#latest;
    const place = placeBytes({ map, key: name });
    this.#latest = { map, name, one: murmur32(place, seeds[0]), other: murmur32(place, seeds[1]) };
    return this.#latest;
  }
}

class Filter {
  readonly #words: Uint32Array;
  readonly #mask: number;
  #room: number;

  constructor(rows: number) {
    const bits = 2 ** Math.ceil(Math.log2(bitsPerRow * rows));
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
    this.#room = rows;
  }

  get isFull(): boolean {
    return this.#room === 0;
  }

  add(hashes: Hashes): void {
    if (this.has(hashes)) return;
    this.#room--;
    const { one, other } = hashes;
    for (let i = 0; i < probes; i++) {
      const bit = (one + i * other) & this.#mask;
      this.#words[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  has({ one, other }: Hashes): boolean {
    for (let i = 0; i < probes; i++) {
      const bit = (one + i * other) & this.#mask;
      if ((this.#words[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

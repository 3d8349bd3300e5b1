import type { MapName, RangeOptions, Row, WriteSet } from '@coco/kv';

/** What one transaction wrote, read as tables: removed keys are not there. */
export class WrittenTables {
  readonly #writeSet: WriteSet;

  constructor(writeSet: WriteSet) {
    this.#writeSet = writeSet;
  }

  get(map: MapName, key: string): string | undefined {
    return this.#writeSet.get(map)?.get(key) ?? undefined;
  }

  has(map: MapName, key: string): boolean {
    return this.get(map, key) !== undefined;
  }

  size(map: MapName): number {
    return [...(this.#writeSet.get(map)?.values() ?? [])].filter((value) => value !== null).length;
  }

  range(map: MapName, range: RangeOptions = {}): IterableIterator<Row> {
    const rows: Row[] = [];
    for (const [key, value] of this.#writeSet.get(map) ?? []) {
      if (value !== null && isWithin(key, range)) rows.push({ key, value, version: 0 });
    }
    rows.sort((a, b) => (a.key < b.key ? -1 : 1));
    if (range.reverse) rows.reverse();
    return rows.slice(0, range.limit).values();
  }
}

function isWithin(key: string, { from, to, prefix, after, reverse }: RangeOptions): boolean {
  if (from !== undefined && key < from) return false;
  if (to !== undefined && key >= to) return false;
  if (prefix !== undefined && !key.startsWith(prefix)) return false;
  return after === undefined || (reverse ? key < after : key > after);
}

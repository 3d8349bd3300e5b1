import type { ByteString } from './bytes.ts';
import { Cursor } from './cursor.ts';
import { type Catalog, emptyMap } from './head.ts';
import { rowsOf } from './range.ts';
import type { RangeOptions, ReadableMapState, Row } from './readable.ts';
import type { Tree } from './tree.ts';
import type { MapName, Version } from './write-set.ts';

/** A frozen version. It stays readable for as long as it is held, even when the store has compacted it. */
export class Snapshot implements ReadableMapState {
  readonly version: Version;
  readonly #catalog: Catalog;

  constructor(version: Version, catalog: Catalog) {
    this.version = version;
    this.#catalog = catalog;
  }

  get(map: MapName, key: ByteString): ByteString | undefined {
    return this.#tree(map).get(key);
  }

  has(map: MapName, key: ByteString): boolean {
    return this.#tree(map).has(key);
  }

  versionOf(map: MapName, key: ByteString): Version | undefined {
    return this.#tree(map).versionOf(key);
  }

  size(map: MapName): number {
    return this.#tree(map).size;
  }

  range(map: MapName, options: RangeOptions = {}): IterableIterator<Row> {
    return rowsOf(this.#tree(map), options);
  }

  maps(): Iterable<MapName> {
    return namesIn(this.#catalog);
  }

  #tree(map: MapName): Tree<ByteString> {
    return this.#catalog.get(map) ?? emptyMap;
  }
}

/** The names of the maps in a catalog, in order. */
export function namesIn(catalog: Catalog): MapName[] {
  const names: MapName[] = [];
  const cursor = new Cursor(catalog, { from: '', to: undefined });
  for (; cursor.leaf !== undefined; cursor.advance()) names.push(cursor.key);
  return names;
}

import type { ByteString } from './bytes.ts';
import type { MapName, Version } from './write-set.ts';

/** One key of a map. `version`: of the committed write behind it, or 0 if this transaction made the key. */
export interface Row {
  key: ByteString;
  value: ByteString;
  version: Version;
}

/** Which part of a map to read. All bounds together apply; without any, the whole map in byte order. */
export interface RangeOptions {
  /** Inclusive lower bound. */
  from?: ByteString;
  /** Exclusive upper bound. */
  to?: ByteString;
  /** Only keys that begin so. */
  prefix?: ByteString;
  /** Highest key first. */
  reverse?: boolean;
  /** At most so many rows. */
  limit?: number;
  /** Cursor: the last key of the previous page, itself excluded, in whichever direction is read. */
  after?: ByteString;
}

/** Maps at one version, as a transaction or a snapshot shows them. A map nobody wrote is an empty map. */
export interface ReadableMapState {
  get(map: MapName, key: ByteString): ByteString | undefined;
  has(map: MapName, key: ByteString): boolean;
  /** The version of the committed write behind a key; undefined when it is absent. */
  versionOf(map: MapName, key: ByteString): Version | undefined;
  /** How many keys the map has. */
  size(map: MapName): number;
  /** Rows in byte order, as they are when this is called. */
  range(map: MapName, options?: RangeOptions): IterableIterator<Row>;
  /** Names of all maps ever written, ordered by UTF-16 unit. */
  maps(): Iterable<MapName>;
}

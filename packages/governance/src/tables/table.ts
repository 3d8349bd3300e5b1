import type { ByteString, MapName, ReadableMapState, Tx, Version } from '@coco/kv';
import { GovernanceError } from '../errors.ts';
import { type Codec, EIGHT_ZERO_BYTES, text } from './codec.ts';

/** A table of many values. Every method takes the state it looks at: a transaction or a snapshot. */
export interface ServiceMap<V> {
  readonly name: MapName;
  get(state: ReadableMapState, key: string): V | undefined;
  /** The value, or an error of code `TableMissing` naming table and key. */
  require(state: ReadableMapState, key: string): V;
  has(state: ReadableMapState, key: string): boolean;
  /** In byte order of the keys. */
  entries(state: ReadableMapState): IterableIterator<[key: string, value: V]>;
  keys(state: ReadableMapState): IterableIterator<string>;
  size(state: ReadableMapState): number;
  set(tx: Tx, key: string, value: V): void;
  delete(tx: Tx, key: string): void;
  clear(tx: Tx): void;
}

/** A table that holds one value, under a key of eight zero bytes. */
export interface ServiceValue<V> {
  readonly name: MapName;
  get(state: ReadableMapState): V | undefined;
  require(state: ReadableMapState): V;
  /** Version of the transaction that last wrote it. */
  versionOf(state: ReadableMapState): Version | undefined;
  set(tx: Tx, value: V): void;
  clear(tx: Tx): void;
}

/** A table whose keys alone matter. */
export interface ServiceSet {
  readonly name: MapName;
  has(state: ReadableMapState, key: string): boolean;
  values(state: ReadableMapState): IterableIterator<string>;
  add(tx: Tx, key: string): void;
  delete(tx: Tx, key: string): void;
}

function missing(name: MapName, key?: string): GovernanceError {
  const where = key === undefined ? `Table ${name} is empty.` : `Table ${name} has no entry ${key}.`;
  return new GovernanceError('TableMissing', where);
}

/** Declares a table of many values whose keys are text. */
export function serviceMap<V>(name: MapName, codec: Codec<V>): ServiceMap<V> {
  const get = (state: ReadableMapState, key: string): V | undefined => {
    const bytes = state.get(name, text.encode(key));
    return bytes === undefined ? undefined : codec.decode(bytes);
  };
  return {
    name,
    get,
    require(state, key) {
      const value = get(state, key);
      if (value === undefined) throw missing(name, key);
      return value;
    },
    has: (state, key) => state.has(name, text.encode(key)),
    *entries(state) {
      for (const row of state.range(name)) yield [text.decode(row.key), codec.decode(row.value)];
    },
    *keys(state) {
      for (const row of state.range(name)) yield text.decode(row.key);
    },
    size: (state) => state.size(name),
    set: (tx, key, value) => tx.set(name, text.encode(key), codec.encode(value)),
    delete: (tx, key) => tx.delete(name, text.encode(key)),
    clear: (tx) => tx.clear(name),
  };
}

/** Declares a table of one value. */
export function serviceValue<V>(name: MapName, codec: Codec<V>): ServiceValue<V> {
  const get = (state: ReadableMapState): V | undefined => {
    const bytes: ByteString | undefined = state.get(name, EIGHT_ZERO_BYTES);
    return bytes === undefined ? undefined : codec.decode(bytes);
  };
  return {
    name,
    get,
    require(state) {
      const value = get(state);
      if (value === undefined) throw missing(name);
      return value;
    },
    versionOf: (state) => state.versionOf(name, EIGHT_ZERO_BYTES),
    set: (tx, value) => tx.set(name, EIGHT_ZERO_BYTES, codec.encode(value)),
    clear: (tx) => tx.delete(name, EIGHT_ZERO_BYTES),
  };
}

/** Declares a table that is a set of texts. */
export function serviceSet(name: MapName): ServiceSet {
  return {
    name,
    has: (state, key) => state.has(name, text.encode(key)),
    *values(state) {
      for (const row of state.range(name)) yield text.decode(row.key);
    },
    add: (tx, key) => tx.set(name, text.encode(key), EIGHT_ZERO_BYTES),
    delete: (tx, key) => tx.delete(name, text.encode(key)),
  };
}

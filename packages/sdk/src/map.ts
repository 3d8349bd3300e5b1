import type { Codec, KeyCodec } from './codec.ts';
import { cursorOf, keyOfCursor } from './cursor.ts';
import { SdkError } from './errors.ts';
import { limits } from './limits.ts';
import { type PastState, type RawMap, type RawRange, sandbox } from './sandbox.ts';

/** Which keys, in which direction. */
export interface Range<K, Prefix> {
  /** The first key that belongs to the range. */
  readonly from?: K | undefined;
  /** The first key that does not any more. */
  readonly to?: K | undefined;
  readonly prefix?: Prefix | undefined;
  /** From the last key to the first. */
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
}

/** A piece of a range, and where to go on. */
export interface Page<K, V> {
  readonly rows: readonly Row<K, V>[];
  /** Where the next page begins; absent on the last. */
  readonly cursor?: string;
}

/** One key with its value. */
export interface Row<K, V> {
  readonly key: K;
  readonly value: V;
}

/** A map as it is read. */
export interface ReadableMap<K, V, Prefix = never> {
  /** The name under which the ledger has it; `public:` in front when everybody may read it there. */
  readonly name: string;
  get(key: K): V | undefined;
  has(key: K): boolean;
  size(): number;
  /** The seqno of the last committed write of this key; undefined if there is none. */
  versionOf(key: K): number | undefined;
  /** Rows in the order of their keys. An extension: a CCF service throws `ServiceLacks`. */
  range(range?: Range<K, Prefix>): IterableIterator<Row<K, V>>;
  /**
   * A page of a range and the cursor of the next. Throws a 400 refusal for a cursor that is none.
   *
   * @example ({ query }) => notes.page({ limit: 20 }, query.cursor)
   */
  page(range?: Range<K, Prefix>, cursor?: string): Page<K, V>;
  /** Every row, in no order; works on CCF as well. */
  forEach(visit: (value: V, key: K) => void): void;
}

/** A map with types. Every write belongs to the transaction of the request. */
export interface TypedMap<K, V, Prefix = never> extends ReadableMap<K, V, Prefix> {
  /** How keys and values are kept. */
  readonly codecs: { readonly key: KeyCodec<K, Prefix>; readonly value: Codec<V> };
  set(key: K, value: V): void;
  delete(key: K): void;
  clear(): void;
  /** What one past transaction wrote to this map. */
  at(past: PastState): ReadableMap<K, V, Prefix>;
}

/** A map whose content is encrypted in the ledger. */
export function privateMap<K, V, Prefix>(
  name: string,
  key: KeyCodec<K, Prefix>,
  value: Codec<V>,
): TypedMap<K, V, Prefix> {
  if (name.startsWith('public:')) {
    throw new SdkError('DeclarationInvalid', `${name}: say publicMap(${JSON.stringify(name.slice(7))}, ...)`);
  }
  return typedMap(name, key, value);
}

/** A map that everybody who has the ledger can read. Its name gets `public:` in front. */
export function publicMap<K, V, Prefix>(
  name: string,
  key: KeyCodec<K, Prefix>,
  value: Codec<V>,
): TypedMap<K, V, Prefix> {
  return typedMap(name.startsWith('public:') ? name : `public:${name}`, key, value);
}

/** A map under exactly this name. */
export function typedMap<K, V, Prefix>(
  name: string,
  key: KeyCodec<K, Prefix>,
  value: Codec<V>,
): TypedMap<K, V, Prefix> {
  const raw = () => sandbox().kv[name] as RawMap;
  return {
    ...readableMap(name, key, value, raw),
    codecs: { key, value },
    set: (of, to) => {
      raw().set(key.encode(of), value.encode(to));
    },
    delete: (of) => {
      raw().delete(key.encode(of));
    },
    clear: () => raw().clear(),
    at: (past) => readableMap(name, key, value, () => past.kv[name] as RawMap),
  };
}

function readableMap<K, V, Prefix>(
  name: string,
  key: KeyCodec<K, Prefix>,
  value: Codec<V>,
  raw: () => RawMap,
): ReadableMap<K, V, Prefix> {
  const scan = (range: RawRange) => {
    const map = raw();
    if (map.range !== undefined) return map.range(range);
    throw new SdkError(
      'ServiceLacks',
      `this service has no ordered maps, which range and page of ${name} need: use forEach, or run it on Coco`,
    );
  };
  const rowOf = ([from, to]: readonly [ArrayBuffer, ArrayBuffer]) => ({
    key: key.decode(from),
    value: value.decode(to),
  });
  return {
    name,
    get: (of) => {
      const found = raw().get(key.encode(of));
      return found === undefined ? undefined : value.decode(found);
    },
    has: (of) => raw().has(key.encode(of)),
    size: () => raw().size,
    versionOf: (of) => raw().getVersionOfPreviousWrite(key.encode(of)),
    *range(range = {}) {
      for (const row of scan(rawRange(key, range))) yield rowOf(row);
    },
    page: (range = {}, cursor) => {
      const limit = Math.min(range.limit ?? limits.pageRows, limits.pageRowsMax);
      const after = cursor === undefined ? {} : { after: keyOfCursor(cursor) };
      // One more than asked for: it tells whether there is a next page.
      const found = [...scan({ ...rawRange(key, range), ...after, limit: limit + 1 })];
      const last = found.length > limit ? found[limit - 1] : undefined;
      const rows = found.slice(0, limit).map(rowOf);
      return last === undefined ? { rows } : { rows, cursor: cursorOf(last[0]) };
    },
    forEach: (visit) => {
      raw().forEach((to, from) => {
        visit(value.decode(to), key.decode(from));
      });
    },
  };
}

function rawRange<K, Prefix>(key: KeyCodec<K, Prefix>, range: Range<K, Prefix>): RawRange {
  const { from, to, prefix, reverse, limit } = range;
  return {
    ...(from === undefined ? {} : { from: key.encode(from) }),
    ...(to === undefined ? {} : { to: key.encode(to) }),
    ...(prefix === undefined ? {} : { prefix: key.prefix(prefix) }),
    ...(reverse === undefined ? {} : { reverse }),
    ...(limit === undefined ? {} : { limit }),
  };
}

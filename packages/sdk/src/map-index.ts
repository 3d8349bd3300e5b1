import { bytes, type KeyCodec, tuple } from './codec.ts';
import { cursorOf, keyOfCursor } from './cursor.ts';
import { Refusal, SdkError } from './errors.ts';
import { limits } from './limits.ts';
import type { Range, TypedMap } from './map.ts';
import { type RawIndex, type RawMaps, type RawRange, sandbox } from './sandbox.ts';

/** An index as `defineApp` takes it. */
export interface DeclaredIndex {
  readonly name: string;
  /** Name of the map, as in the ledger. */
  readonly map: string;
  readonly kind: 'rows' | 'history';
}

/** An index by what a function makes of rows. */
export interface DerivedIndex extends DeclaredIndex {
  readonly kind: 'rows';
  /** For each row of the map in its order: its places in the index, in hexadecimal, or why it has none. */
  derive(maps: RawMaps): readonly (readonly string[] | string)[];
}

/** A place in an index, and what stands there. */
export interface IndexRow<I, K> {
  /** The key of the index. */
  readonly index: I;
  /** The key of the map. */
  readonly key: K;
  /** The transaction that wrote that row of the map. */
  readonly seqno: number;
}

/** A piece of an index, where to go on, and the transaction at which the index stands. */
export interface IndexPage<I, K> {
  readonly rows: readonly IndexRow<I, K>[];
  /** Where the next page begins; absent on the last. */
  readonly cursor?: string;
  readonly seqno: number;
}

/**
 * The keys of a map in another order. Nodes build it in the background from committed transactions, each for
 * itself; so it is behind by a moment, and can be read only where nothing is written. While it is built for the
 * first time every read refuses with 202 and `retry-after`.
 */
export interface MapIndex<I, K, Prefix = never> extends DerivedIndex {
  /** The committed transaction that the index stands at: it is exactly what the map was then. */
  seqno(): number;
  /** Refuses with 202 and `retry-after` as long as the index does not hold a transaction. */
  requireAt(seqno: number): void;
  /** The keys of the rows that are found under this one. */
  find(index: I): readonly K[];
  /** Places in the order of the index. */
  range(range?: Range<I, Prefix>): IterableIterator<IndexRow<I, K>>;
  /** Throws a 400 refusal for a cursor that is none. */
  page(range?: Range<I, Prefix>, cursor?: string): IndexPage<I, K>;
}

/**
 * Declares an index: `of` gives the keys under which a row is to be found, from the row alone. List it in the
 * `indexes` of `defineApp`.
 *
 * @example
 * const byTag = mapIndex('notes_by_tag', notes, { key: text, of: (note) => note.tags });
 */
export function mapIndex<K, V, P, const I, Prefix>(
  name: string,
  map: TypedMap<K, V, P>,
  how: { readonly key: KeyCodec<I, Prefix>; readonly of: (value: V, key: K) => readonly I[] },
): MapIndex<I, K, Prefix> {
  const place: KeyCodec<readonly [I, ArrayBuffer], readonly [] | readonly [I]> = tuple(how.key, bytes);
  const rowOf = ([at, value]: readonly [ArrayBuffer, ArrayBuffer]): IndexRow<I, K> => {
    const [index, key] = place.decode(at);
    return { index, key: map.codecs.key.decode(key), seqno: seqnoIn(value) };
  };
  const raw = (range: Range<I, Prefix>): RawRange => rawRange(how.key, place, range);
  return {
    name,
    map: map.name,
    kind: 'rows',
    derive: (maps) =>
      deriveRows(maps, map, (value, key) =>
        how.of(value, key).map((i) => place.encode([i, map.codecs.key.encode(key)])),
      ),
    seqno: () => opened(name).seqno,
    requireAt: (seqno) => requireAt(name, seqno),
    find: (index) =>
      [...opened(name).rows.range({ prefix: place.prefix([index]) })].map((row) => rowOf(row).key),
    *range(range = {}) {
      for (const row of opened(name).rows.range(raw(range))) yield rowOf(row);
    },
    page(range = {}, cursor) {
      const { rows, seqno } = opened(name);
      const limit = Math.min(range.limit ?? limits.pageRows, limits.pageRowsMax);
      const after = cursor === undefined ? {} : { after: keyOfCursor(cursor) };
      // One more than asked for: it tells whether there is a next page.
      const found = [...rows.range({ ...raw(range), ...after, limit: limit + 1 })];
      const last = found.length > limit ? found[limit - 1] : undefined;
      const shown = { rows: found.slice(0, limit).map(rowOf), seqno };
      return last === undefined ? shown : { ...shown, cursor: cursorOf(last[0]) };
    },
  };
}

/**
 * An index that is there and has been built. Refuses with 202 while it is being built, with 503 when this node cannot
 * build it.
 */
export function opened(name: string): RawIndex & { readonly seqno: number } {
  const { indexes } = sandbox();
  if (indexes === undefined) {
    throw new SdkError('ServiceLacks', `this service keeps no indexes, which ${name} is: run it on Coco`);
  }
  const index = indexes.open(name);
  if (index.seqno !== null) return { ...index, seqno: index.seqno };
  if (index.waits !== null) {
    throw new Refusal(503, 'IndexUnavailable', `This node cannot build the index ${name}: ${index.waits}.`);
  }
  const { done, of } = index.built ?? { done: 0, of: 0 };
  throw comeAgain(`The index ${name} is being built: ${done} of ${of}.`);
}

/** Refuses with 202 as long as an index does not hold a transaction. */
export function requireAt(name: string, seqno: number): void {
  const at = opened(name).seqno;
  if (at < seqno) throw comeAgain(`The index ${name} is at transaction ${at}, not yet at ${seqno}.`);
}

function comeAgain(message: string): Refusal {
  return new Refusal(202, 'IndexNotReady', message, { headers: { 'retry-after': '1' } });
}

function deriveRows<K, V, P>(
  maps: RawMaps,
  map: TypedMap<K, V, P>,
  placesOf: (value: V, key: K) => readonly ArrayBuffer[],
): readonly (readonly string[] | string)[] {
  const derived: (readonly string[] | string)[] = [];
  // One row that breaks the rules must not keep all others out.
  const { key: keys, value: values } = map.codecs;
  for (const [key, value] of maps[map.name]?.range?.({}) ?? []) {
    try {
      derived.push(placesOf(values.decode(value), keys.decode(key)).map(cursorOf));
    } catch (error) {
      derived.push(error instanceof Error ? error.message : String(error));
    }
  }
  return derived;
}

function rawRange<I, Prefix>(
  key: KeyCodec<I, Prefix>,
  place: KeyCodec<readonly [I, ArrayBuffer], readonly [] | readonly [I]>,
  { from, to, prefix, reverse, limit }: Range<I, Prefix>,
): RawRange {
  return {
    ...(from === undefined ? {} : { from: place.prefix([from]) }),
    ...(to === undefined ? {} : { to: place.prefix([to]) }),
    ...(prefix === undefined ? {} : { prefix: beginning(key.prefix(prefix)) }),
    ...(reverse === undefined ? {} : { reverse }),
    ...(limit === undefined ? {} : { limit }),
  };
}

/** How places begin whose index key begins with these bytes: a part without the mark of its end. */
function beginning(of: ArrayBuffer): ArrayBuffer {
  return tuple(bytes).prefix([of]).slice(0, -2);
}

function seqnoIn(value: ArrayBuffer): number {
  const view = new DataView(value);
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
}

import { uint } from './codec.ts';
import { cursorOf, keyOfCursor } from './cursor.ts';
import { limits } from './limits.ts';
import type { TypedMap } from './map.ts';
import { type DeclaredIndex, opened, requireAt } from './map-index.ts';
import { type PastValue, statesAt } from './past.ts';

/** Which of the transactions that wrote a key. */
export interface HistoryRange {
  /** Seqnos, both included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** The newest first. */
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
}

/** A piece of a key's history, where to go on, and the transaction up to which it is known. */
export interface HistoryPage<V> {
  /** A value that is undefined was removed. */
  readonly rows: readonly PastValue<V | undefined>[];
  readonly cursor?: string;
  readonly seqno: number;
}

/**
 * Every transaction that ever wrote a key. Built as a `MapIndex` is, from the ledger's first entry on: a node
 * that has not the whole ledger does not have it.
 */
export interface MapHistory<K, V> extends DeclaredIndex {
  readonly kind: 'history';
  /** The committed transaction up to which the history is known. */
  seqno(): number;
  /** Refuses with 202 and `retry-after` as long as the history does not reach a transaction. */
  requireAt(seqno: number): void;
  /** The transactions that wrote a key, the oldest first. */
  seqnosOf(key: K, range?: HistoryRange): readonly number[];
  /**
   * What they wrote, with the receipts. Refuses with 202 and `retry-after` while the node fetches them, with 400
   * for a cursor that is none.
   */
  page(key: K, range?: HistoryRange, cursor?: string): HistoryPage<V>;
}

/**
 * Declares that the history of a map's keys is kept at hand. List it in the `indexes` of `defineApp`.
 *
 * @example const noteHistory = mapHistory('note_history', notes);
 */
export function mapHistory<K, V, P>(name: string, map: TypedMap<K, V, P>): MapHistory<K, V> {
  const scan = (key: K, { from, to, reverse, limit }: HistoryRange, cursor?: string): readonly number[] => {
    const prefix = prefixOf(map.codecs.key.encode(key));
    const rows = opened(name).rows.range({
      prefix,
      ...(from === undefined ? {} : { from: joined(prefix, uint.encode(from)) }),
      ...(to === undefined ? {} : { to: joined(prefix, uint.encode(to + 1)) }),
      ...(cursor === undefined ? {} : { after: joined(prefix, keyOfCursor(cursor)) }),
      ...(reverse === undefined ? {} : { reverse }),
      ...(limit === undefined ? {} : { limit }),
    });
    return Array.from(rows, ([row]) => uint.decode(row.slice(-8)));
  };
  return {
    name,
    map: map.name,
    kind: 'history',
    seqno: () => opened(name).seqno,
    requireAt: (seqno) => requireAt(name, seqno),
    seqnosOf: (key, range = {}) => scan(key, range),
    page(key, range = {}, cursor) {
      const limit = Math.min(range.limit ?? limits.historyRows, limits.historyRowsMax);
      const found = scan(key, { ...range, limit: limit + 1 }, cursor);
      const seqnos = found.slice(0, limit);
      const rows = statesAt(seqnos).map((past, at) => {
        const { transactionId, receipt } = past;
        return { transactionId, seqno: seqnos[at] as number, value: map.at(past).get(key), receipt };
      });
      const last = found.length > limit ? seqnos.at(-1) : undefined;
      const page = { rows, seqno: opened(name).seqno };
      return last === undefined ? page : { ...page, cursor: cursorOf(uint.encode(last)) };
    },
  };
}

/** Rows of a history begin with the length of the key and the key. */
function prefixOf(key: ArrayBuffer): ArrayBuffer {
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, key.byteLength);
  return joined(length.buffer, key);
}

function joined(first: ArrayBuffer, second: ArrayBuffer): ArrayBuffer {
  const both = new Uint8Array(first.byteLength + second.byteLength);
  both.set(new Uint8Array(first));
  both.set(new Uint8Array(second), first.byteLength);
  return both.buffer;
}

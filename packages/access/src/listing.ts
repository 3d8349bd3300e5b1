import type { ByteString, ReadableMapState } from '@coco/kv';
import type { Segment } from './audience.ts';
import { limits } from './limits.ts';
import { u64 } from './numbers.ts';
import type { Reader } from './reader.ts';
import { decodeRecord, isMarked, type TransactionRecord } from './record.ts';
import { tables } from './tables.ts';
import type { Order, Stretch, TransactionIndex } from './transaction-index.ts';

/** A question about transactions. All filters hold together. */
export interface ListQuery {
  readonly order: Order;
  readonly limit: number;
  /** Milliseconds since 1970; the first that belongs. */
  readonly from?: number;
  /** The first that does not any more. */
  readonly to?: number;
  readonly endpoint?: string;
  /** Who called. */
  readonly by?: Reader;
  /** Audiences with this reader in them; asked of the segment. */
  readonly withReader?: (segment: Segment) => boolean;
  /** The mark of a written key, as transactions of a segment have it. */
  readonly mark?: (segment: Segment) => ByteString;
}

/** One transaction of a list. */
export interface Listed {
  readonly seqno: number;
  readonly record: TransactionRecord;
  /** Its parts that the viewer sees, in the viewer's order. */
  readonly segments: readonly Segment[];
}

/** A page; `next` is the seqno after which (in the order asked for) the list goes on. */
export interface ListPage {
  readonly items: readonly Listed[];
  readonly next: number | undefined;
}

/**
 * A page of the transactions of these segments. It is read from their own index and from nowhere else, so that
 * neither its content nor its cost depends on other transactions.
 */
export function listPage(
  { state, index }: { readonly state: ReadableMapState; readonly index: TransactionIndex },
  segments: readonly Segment[],
  query: ListQuery,
  stretch: Stretch,
): ListPage {
  const items: Listed[] = [];
  let last: number | undefined;
  let lookedAt = 0;
  const seqnosOf = (segment: Segment) => index.within(segment, query.order, stretch);
  for (const { seqno, segments: seen } of merged(segments, query.order, seqnosOf)) {
    if (items.length === query.limit || lookedAt === limits.lookedAtMax) return { items, next: last };
    lookedAt++;
    last = seqno;
    const value = state.get(tables.transactions, u64(seqno));
    if (value === undefined) continue;
    const record = decodeRecord(value);
    if (isBeyond(record, query)) break;
    if (fits(record, seen, query)) items.push({ seqno, record, segments: seen });
  }
  return { items, next: undefined };
}

/** Times follow the order: nothing after the first that is well beyond the wanted span is within it. */
function isBeyond({ time }: TransactionRecord, { order, from, to }: ListQuery): boolean {
  // Another primary's clock may be behind or ahead: a little further on there may still be some.
  if (order === 'newest') return from !== undefined && time < from - limits.clockSkewMs;
  return to !== undefined && time >= to + limits.clockSkewMs;
}

function fits(record: TransactionRecord, seen: readonly Segment[], query: ListQuery): boolean {
  const { from, to, endpoint, by, withReader, mark } = query;
  if (from !== undefined && record.time < from) return false;
  if (to !== undefined && record.time >= to) return false;
  if (endpoint !== undefined && record.endpoint !== endpoint) return false;
  if (by !== undefined && record.by !== by) return false;
  if (withReader && !seen.some(withReader)) return false;
  if (mark === undefined) return true;
  return record.parts.some((part) => seen.includes(part.segment) && isMarked(part, mark(part.segment)));
}

interface Found {
  readonly seqno: number;
  readonly segments: Segment[];
}

/** Entries of several segments in one order; a transaction that has parts in several of them comes once. */
export function* merged(
  segments: readonly Segment[],
  order: Order,
  seqnosOf: (segment: Segment) => Iterator<number>,
): Generator<Found> {
  const newest = order === 'newest';
  const heads = segments.map((segment) => new Head(segment, seqnosOf(segment)));
  for (;;) {
    let best: number | undefined;
    for (const { seqno } of heads) {
      if (seqno === undefined) continue;
      if (best === undefined || (newest ? seqno > best : seqno < best)) best = seqno;
    }
    if (best === undefined) return;
    const found: Found = { seqno: best, segments: [] };
    for (const head of heads) {
      if (head.seqno !== best) continue;
      found.segments.push(head.segment);
      head.advance();
    }
    yield found;
  }
}

class Head {
  readonly segment: Segment;
  seqno: number | undefined;
  readonly #seqnos: Iterator<number>;

  constructor(segment: Segment, seqnos: Iterator<number>) {
    this.segment = segment;
    this.#seqnos = seqnos;
    this.advance();
  }

  advance(): void {
    const { done, value } = this.#seqnos.next();
    this.seqno = done ? undefined : value;
  }
}

/** The record of a private transaction; undefined for one that is not private. */
export function recordAt(state: ReadableMapState, seqno: number): TransactionRecord | undefined {
  const value = state.get(tables.transactions, u64(seqno));
  return value === undefined ? undefined : decodeRecord(value);
}

/** The parts of a transaction that are among these segments. */
export function partsSeen(record: TransactionRecord, segments: readonly Segment[]): Segment[] {
  const seen = new Set(segments);
  return record.parts.map(({ segment }) => segment).filter((segment) => seen.has(segment));
}

import { byteStringToUtf8, type ReadableMapState, type Tx } from '@coco/kv';
import { type Segment, segmentBytes } from './audience.ts';
import { merged } from './listing.ts';
import { readU64, u64 } from './numbers.ts';
import { paddedJson } from './padding.ts';
import type { Reader } from './reader.ts';
import { tables } from './tables.ts';

/** Somebody looked, by a grant, at what an audience wrote. */
export interface Look {
  readonly grant: string;
  readonly by: Reader;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** What was asked: the path and query of the request. */
  readonly asked: string;
  /** How many of the audience's transactions it was shown. */
  readonly shown: number;
}

/** Records a look in the transaction that will be at `seqno`, for each audience whose transactions were shown. */
export function recordLook(
  tx: Tx,
  seqno: number,
  look: Omit<Look, 'shown'>,
  shown: ReadonlyMap<Segment, number>,
): void {
  for (const [segment, count] of shown) {
    tx.set(tables.log, segment + u64(seqno), paddedJson({ ...look, shown: count }));
  }
}

/** A page of looks; `next` is the seqno before which the list goes on. */
export interface LookPage {
  readonly looks: readonly (Look & { readonly segment: Segment })[];
  readonly next: number | undefined;
}

/**
 * The looks at what these segments hold, newest first, from before a seqno. What one request was shown of several audiences
 * is not torn apart: a page may be longer than `limit` by that.
 */
export function looksAt(
  state: ReadableMapState,
  segments: readonly Segment[],
  { before, limit }: { readonly before: number; readonly limit: number },
): LookPage {
  const looks: (Look & { segment: Segment })[] = [];
  let next: number | undefined;
  for (const { seqno, segments: of } of merged(segments, 'newest', (each) => seqnosAt(state, each, before))) {
    if (looks.length >= limit) return { looks, next };
    next = seqno;
    for (const segment of of) {
      const value = state.get(tables.log, segment + u64(seqno));
      if (value !== undefined) looks.push({ ...(JSON.parse(byteStringToUtf8(value)) as Look), segment });
    }
  }
  return { looks, next: undefined };
}

function* seqnosAt(state: ReadableMapState, segment: Segment, before: number): Generator<number> {
  const rows = state.range(tables.log, { from: segment, to: segment + u64(before), reverse: true });
  for (const { key } of rows) yield readU64(key, segmentBytes);
}

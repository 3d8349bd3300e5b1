import type { Tx } from '@coco/kv';
import type { Segment } from './audience.ts';
import { u64 } from './numbers.ts';
import { encodeRecord, type TransactionRecord } from './record.ts';
import type { Place } from './reference.ts';
import { tables } from './tables.ts';

/** In place of who called: the members, by vote. No reader has this name. */
const members = 'members';

/** Whether a record is a notice: of a transaction that is everybody's to know, and concerns some. */
export function isNotice({ by }: TransactionRecord): boolean {
  return by === members;
}

/**
 * Lets those who see a segment find a transaction of governance, to be committed at `place`, among their own: in lists and
 * events, in its order. `endpoint` says what it is.
 */
export function recordNotice(
  tx: Tx,
  place: Place,
  { time, endpoint }: { readonly time: number; readonly endpoint: string },
  segments: Iterable<Segment>,
): void {
  const parts = [...segments].map((segment) => ({ segment, marks: '' }));
  if (parts.length === 0) return;
  const record = encodeRecord({ view: place.view, time, endpoint, by: members, parts });
  tx.set(tables.transactions, u64(place.seqno), record);
}

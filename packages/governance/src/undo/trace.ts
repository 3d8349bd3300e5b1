import {
  decodeReadSet,
  encodeReadSet,
  type MapName,
  type ReadSet,
  type Traced,
  type Tx,
  type WriteSet,
} from '@coco/kv';
import { EIGHT_ZERO_BYTES } from '../tables/codec.ts';
import { recordedReads } from '../tables/internal.ts';

/** Whether a map is the application's: those alone undo looks at. */
export function isOfApplication(map: MapName): boolean {
  return !map.startsWith('public:ccf.') && !map.startsWith('ccf.');
}

/** Puts what a transaction read beside what it writes, so that it is known what depends on what. */
export function recordReads(tx: Tx, reads: ReadSet = readsOf(tx)): void {
  if (tx.wrote) recordedReads.set(tx, encodeReadSet(reads));
}

/** What a transaction has read of the application so far. */
export function readsOf(tx: Tx): ReadSet {
  return tx.readSet(isOfApplication);
}

/** What a lineage has to know of a committed write set. */
export function traceOf(writeSet: WriteSet): Traced {
  const recorded = writeSet.get(recordedReads.name)?.get(EIGHT_ZERO_BYTES);
  const writes: WriteSet = new Map();
  let fixed = false;
  for (const [map, values] of writeSet) {
    if (isOfApplication(map)) writes.set(map, values);
    else if (map.startsWith('public:')) fixed = true;
  }
  if (typeof recorded === 'string') return { writes, reads: decodeReadSet(recorded), fixed };
  // Governance never reads what is the application's, so that there is nothing to record.
  return { writes, reads: fixed ? new Map() : undefined, fixed };
}

import type { MapName, WriteSet } from '@coco/kv';
import { audienceIdOf, type Segment, segmentBytes } from './audience.ts';
import type { Audiences } from './audiences.ts';
import { type ParcelName, readSlip } from './parcel.ts';
import { decodeRecord } from './record.ts';
import { hasAudiences, keyToCome, tables } from './tables.ts';

/** The parcels whose slips a transaction wrote; the store is to hold its audiences already. */
export function slipsIn(writeSet: WriteSet, audiences: Audiences): ParcelName[] {
  const names: ParcelName[] = [];
  // Every committed transaction comes through here.
  if (!audiences.someWithParties) return names;
  for (const [map, writes] of writeSet) {
    if (map !== tables.keys && map !== tables.claims && !hasAudiences(map)) continue;
    for (const [key, value] of writes) {
      if (value === null || value === keyToCome) continue;
      const segment = segmentIn(writeSet, map, key);
      if (segment === undefined || audiences.find(audienceIdOf(segment))?.home !== 'parties') continue;
      names.push({ segment, id: readSlip(value).id });
    }
  }
  return names;
}

function segmentIn(writeSet: WriteSet, map: MapName, key: string): Segment | undefined {
  if (map !== tables.claims) return key.slice(0, segmentBytes);
  // Claims lie under the seqno, as the record does that says whose they are.
  const record = writeSet.get(tables.transactions)?.get(key);
  return record == null ? undefined : decodeRecord(record).parts[0]?.segment;
}

/** The segments whose keys a transaction destroyed. */
export function shreddedIn(writeSet: WriteSet): Segment[] {
  const writes = writeSet.get(tables.keys);
  // Here too, and hardly one has to do with keys.
  if (writes === undefined) return [];
  return [...writes].filter(([, value]) => value === null).map(([segment]) => segment);
}

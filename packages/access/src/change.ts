import type { Random } from '@coco/crypto';
import { bytesToByteString, type Tx } from '@coco/kv';
import {
  type Audience,
  type AudienceId,
  changeAudience,
  decodeAudience,
  encodeAudience,
  type MembershipChange,
  segmentOf,
} from './audience.ts';
import { keyToCome, tables } from './tables.ts';

/** Lets readers in and out of an audience from the next epoch on. Answers false when there is no such audience. */
export function changeMembers(tx: Tx, id: AudienceId, change: MembershipChange, random: Random): boolean {
  const audience = read(tx, id);
  if (!audience) return false;
  beginEpoch(tx, changeAudience(audience, change), random);
  return true;
}

/**
 * Destroys the keys of everything that an audience has so far: rows, claims and past writes never open again, here or
 * from any later snapshot. Digests and receipts stay what they are. What is written afterwards has a new key. Answers
 * false when there is no such audience.
 */
export function shredAudience(tx: Tx, id: AudienceId, random: Random): boolean {
  const audience = read(tx, id);
  if (!audience) return false;
  for (let epoch = 1; epoch <= audience.epoch; epoch++) tx.delete(tables.keys, segmentOf(id, epoch));
  beginEpoch(tx, changeAudience(audience, { add: [], remove: [] }), random);
  return true;
}

function beginEpoch(tx: Tx, audience: Audience, random: Random): void {
  tx.set(tables.audiences, audience.id, encodeAudience(audience));
  // A key that is to be with the parties' nodes is made by whoever seals the first row with it.
  const key = audience.home === 'parties' ? keyToCome : bytesToByteString(random(32));
  tx.set(tables.keys, audience.segment, key);
}

function read(tx: Tx, id: AudienceId): Audience | undefined {
  const value = tx.get(tables.audiences, id);
  return value === undefined ? undefined : decodeAudience(id, value);
}

import type { ReadableMapState, Tx } from '@coco/kv';
import { type MemberId, memberEncryptionKeys, memberInfos, type RecoveryRole } from './tables/members.ts';

/** A member who holds something of the key that opens a lost ledger. */
export interface RecoveryMember {
  readonly id: MemberId;
  /** PEM of the key a share is encrypted to. */
  readonly encryptionKey: string;
}

/** What a member holds; without a role said, an encryption key makes a participant. */
export function recoveryRoleOf(state: ReadableMapState, id: MemberId): RecoveryRole {
  const stated = memberInfos.get(state, id)?.recovery_role;
  if (stated !== undefined && stated !== null) return stated;
  return memberEncryptionKeys.has(state, id) ? 'Participant' : 'NonParticipant';
}

/** Whether a share or the whole key belongs to this member. */
export function isRecoveryMember(state: ReadableMapState, id: MemberId): boolean {
  return recoveryRoleOf(state, id) !== 'NonParticipant';
}

/** The active recovery members, in order of their ids: participants, who hold shares, and owners, who hold it all. */
export function activeRecoveryMembers(state: ReadableMapState): {
  readonly participants: readonly RecoveryMember[];
  readonly owners: readonly RecoveryMember[];
} {
  const participants: RecoveryMember[] = [];
  const owners: RecoveryMember[] = [];
  for (const [id, encryptionKey] of memberEncryptionKeys.entries(state)) {
    if (memberInfos.get(state, id)?.status !== 'Active') continue;
    const role = recoveryRoleOf(state, id);
    if (role === 'Participant') participants.push({ id, encryptionKey });
    if (role === 'Owner') owners.push({ id, encryptionKey });
  }
  return { participants, owners };
}

/** Makes an accepted member count. Answers whether that is new. */
export function activateMember(tx: Tx, id: MemberId): boolean {
  const info = memberInfos.require(tx, id);
  if (info.status === 'Active') return false;
  memberInfos.set(tx, id, { ...info, status: 'Active' });
  return true;
}

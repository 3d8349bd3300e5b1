import { json, text } from './codec.ts';
import { serviceMap } from './table.ts';

/** Hex SHA-256 of the DER of a member's certificate: a renewed certificate is another member. */
export type MemberId = string;

/** `Accepted`: voted in, does not count yet. `Active`: acknowledged the state and counts. */
export type MemberStatus = 'Accepted' | 'Active';

/** What a member holds of the key that opens a lost ledger: nothing, one share of it, all of it. */
export type RecoveryRole = 'NonParticipant' | 'Participant' | 'Owner';

/** Value of `members.info`. Without a role, an encryption key makes a member a participant. */
export interface MemberInfo {
  readonly status: MemberStatus;
  readonly member_data?: unknown;
  readonly recovery_role?: RecoveryRole;
}

/** Value of `members.acks`: the digest to acknowledge and, once done, the signed envelope (base64). */
export interface MemberAck {
  readonly state_digest: string;
  readonly signed_req?: unknown;
  readonly cose_sign1_req?: string;
}

/** PEM certificate by member. */
export const memberCerts = serviceMap('public:ccf.gov.members.certs', text);
/** PEM public key a member's recovery share is encrypted to. */
export const memberEncryptionKeys = serviceMap('public:ccf.gov.members.encryption_public_keys', text);
/** Status, data and recovery role by member. */
export const memberInfos = serviceMap('public:ccf.gov.members.info', json<MemberInfo>());
/** State digests by member. */
export const memberAcks = serviceMap('public:ccf.gov.members.acks', json<MemberAck>());

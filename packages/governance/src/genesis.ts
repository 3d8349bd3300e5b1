import type { Claims } from '@coco/attestation';
import { CryptoError, importPublicKey, parseCertificate } from '@coco/crypto';
import type { Tx } from '@coco/kv';
import { trustPlatform } from './attestation/trust-platform.ts';
import { GovernanceError } from './errors.ts';
import { governanceLimits } from './limits.ts';
import {
  type MemberId,
  memberAcks,
  memberCerts,
  memberEncryptionKeys,
  memberInfos,
  type RecoveryRole,
} from './tables/members.ts';
import {
  type NodeId,
  type NodeInfo,
  nodeEndorsedCertificates,
  nodeInfos,
  nodeStandings,
} from './tables/nodes.ts';
import { lastRecoveryType } from './tables/secrets.ts';
import {
  constitution as constitutionTable,
  previousServiceIdentity,
  serviceConfiguration,
  serviceInfo,
} from './tables/service.ts';

/** A member the service starts with. */
export interface GenesisMember {
  /** PEM. */
  readonly certificate: string;
  /** PEM of an RSA key; a member without one takes no part in recovery. */
  readonly encryptionPublicKey?: string;
  readonly data?: unknown;
  readonly recoveryRole?: RecoveryRole;
}

/** The node that creates a service, or an epoch of it. */
export interface FirstNode {
  readonly id: NodeId;
  readonly info: NodeInfo;
  /** PEM certificate the service gave it. */
  readonly endorsedCertificate?: string;
  /** What its evidence says: the first platform that is trusted. */
  readonly platform: Claims;
  /** When it was verified, milliseconds since 1970. */
  readonly verified: number;
  /** Text of the security policy whose digest the SNP host data is. */
  readonly securityPolicy?: string;
}

/** Everything a new service is made of. */
export interface Genesis {
  readonly constitution: string;
  readonly members: readonly GenesisMember[];
  readonly configuration: {
    /** 0 means: all recovery participants together. */
    readonly recoveryThreshold: number;
    readonly maximumNodeCertificateValidityDays?: number;
    readonly maximumServiceCertificateValidityDays?: number;
    readonly recentCoseProposalsWindowSize?: number;
  };
  readonly node: FirstNode;
  /** PEM certificate of the service. */
  readonly serviceCertificate: string;
  readonly serviceData?: unknown;
  /** Id of the transaction that this will be: `2.1`. */
  readonly createTxId: string;
}

/**
 * Writes the first transaction of a service. Its members are `Accepted`: each has to acknowledge the
 * state before it counts. Throws `InvalidGenesis`.
 */
export function genesis(tx: Tx, given: Genesis): void {
  if (given.members.length === 0) throw invalid('a service needs at least one member');
  for (const member of given.members) addMember(tx, member);
  constitutionTable.set(tx, given.constitution);
  const { configuration } = given;
  serviceConfiguration.set(tx, {
    recovery_threshold: recoveryThreshold(given),
    consensus: 'CFT',
    reconfiguration_type: 'OneTransaction',
    maximum_node_certificate_validity_days:
      configuration.maximumNodeCertificateValidityDays ?? governanceLimits.nodeCertificateValidityDaysDefault,
    maximum_service_certificate_validity_days:
      configuration.maximumServiceCertificateValidityDays ??
      governanceLimits.serviceCertificateValidityDaysDefault,
    recent_cose_proposals_window_size:
      configuration.recentCoseProposalsWindowSize ?? governanceLimits.recentProposalsDefault,
  });
  serviceInfo.set(tx, {
    cert: given.serviceCertificate,
    status: 'Opening',
    recovery_count: 0,
    service_data: given.serviceData ?? null,
    current_service_create_txid: given.createTxId,
  });
  lastRecoveryType.set(tx, 'None');
  addFirstNode(tx, given.node);
}

/**
 * Writes the first transaction of a recovered service: a new identity, the old one beside it, every old
 * node retired. Governance goes on where it was; the members have to open the service again.
 */
export function beginRecovery(
  tx: Tx,
  given: Pick<Genesis, 'node' | 'serviceCertificate' | 'createTxId' | 'serviceData'> & {
    /** PEM certificate of the lost service. */
    readonly previousServiceCertificate: string;
  },
): void {
  const before = serviceInfo.require(tx);
  const beforeVersion = serviceInfo.versionOf(tx);
  for (const [id, info] of nodeInfos.entries(tx)) {
    if (info.status === 'Pending') nodeInfos.delete(tx, id);
    else nodeInfos.set(tx, id, { ...info, status: 'Retired', retired_committed: true });
    nodeStandings.delete(tx, id);
  }
  previousServiceIdentity.set(tx, given.previousServiceCertificate);
  serviceInfo.set(tx, {
    cert: given.serviceCertificate,
    status: 'Recovering',
    ...(beforeVersion === undefined ? {} : { previous_service_identity_version: beforeVersion }),
    recovery_count: (before.recovery_count ?? 0) + 1,
    service_data: given.serviceData ?? before.service_data ?? null,
    current_service_create_txid: given.createTxId,
  });
  addFirstNode(tx, given.node);
}

function addFirstNode(tx: Tx, node: FirstNode): void {
  nodeInfos.set(tx, node.id, { ...node.info, status: 'Trusted' });
  if (node.endorsedCertificate !== undefined) {
    nodeEndorsedCertificates.set(tx, node.id, node.endorsedCertificate);
  }
  trustPlatform(tx, node.platform, node.securityPolicy);
  nodeStandings.set(tx, node.id, { claims: node.platform, role: 'vote', verified: node.verified });
}

function addMember(tx: Tx, member: GenesisMember): MemberId {
  const id = readable('certificate', () => parseCertificate(member.certificate).id);
  if (memberInfos.has(tx, id)) throw invalid(`member ${id} is given twice`);
  const { encryptionPublicKey, recoveryRole } = member;
  if (encryptionPublicKey === undefined) {
    if (recoveryRole !== undefined && recoveryRole !== 'NonParticipant') {
      throw invalid(`member ${id} has recovery role ${recoveryRole} but no encryption key`);
    }
  } else {
    const key = readable('encryption key', () => importPublicKey(encryptionPublicKey));
    if (key.kind !== 'RSA') throw invalid(`the encryption key of member ${id} is not an RSA key`);
    memberEncryptionKeys.set(tx, id, encryptionPublicKey);
  }
  memberCerts.set(tx, id, member.certificate);
  memberInfos.set(tx, id, {
    status: 'Accepted',
    member_data: member.data ?? null,
    ...(recoveryRole === undefined ? {} : { recovery_role: recoveryRole }),
  });
  // Nothing is signed yet that could be acknowledged: the member asks for a digest first.
  memberAcks.set(tx, id, { state_digest: '' });
  return id;
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof CryptoError)
      throw invalid(`the ${what} of a member is unreadable: ${cause.message}`);
    throw cause;
  }
}

function recoveryThreshold({ members, configuration }: Genesis): number {
  const withKey = members.filter((member) => member.encryptionPublicKey !== undefined);
  const roles = withKey.map((member) => member.recoveryRole ?? 'Participant');
  const participants = roles.filter((role) => role === 'Participant').length;
  const owners = roles.filter((role) => role === 'Owner').length;
  if (participants + owners === 0) {
    throw invalid('no member has an encryption key: a lost service could never be recovered');
  }
  const all = Math.max(participants, 1);
  const threshold = configuration.recoveryThreshold === 0 ? all : configuration.recoveryThreshold;
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > all) {
    throw invalid(`recovery threshold ${threshold} is not between 1 and ${all}, the members it counts`);
  }
  return threshold;
}

function invalid(what: string): GovernanceError {
  return new GovernanceError('InvalidGenesis', `Cannot create a service: ${what}.`);
}

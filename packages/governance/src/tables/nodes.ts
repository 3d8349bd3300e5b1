import type { Claims, QuoteFormat } from '@coco/attestation';
import type { NodePolicy, NodeRole } from '../attestation/node-policy.ts';
import { json, text } from './codec.ts';
import type { MemberId } from './members.ts';
import { serviceMap, serviceSet, serviceValue } from './table.ts';

/** Hex SHA-256 of the DER of a node's public key. */
export type NodeId = string;

/** `Pending` waits for a vote; `Trusted` takes part; `Retired` is on its way out. */
export type NodeStatus = 'Pending' | 'Trusted' | 'Retired';

/** Evidence of the platform a node runs on. Byte fields are base64. */
export interface QuoteInfo {
  readonly format: QuoteFormat;
  readonly quote: string;
  readonly endorsements: string;
  readonly uvm_endorsements?: string;
  readonly endorsed_tcb?: string;
}

/** One address a node answers HTTP on, as its operator configured it. */
export interface NetInterface {
  readonly bind_address: string;
  readonly published_address?: string;
  readonly protocol?: string;
  readonly app_protocol?: string;
  readonly [setting: string]: unknown;
}

/** Value of `nodes.info`. */
export interface NodeInfo {
  readonly node_to_node_interface: { readonly bind_address: string; readonly published_address?: string };
  readonly rpc_interfaces: Readonly<Record<string, NetInterface>>;
  readonly quote_info: QuoteInfo;
  /** PEM of the key other nodes and ledger secrets are encrypted to. */
  readonly encryption_pub_key: string;
  readonly status: NodeStatus;
  readonly ledger_secret_seqno?: number;
  readonly code_digest?: string;
  readonly certificate_signing_request?: string;
  readonly public_key?: string;
  readonly node_data?: unknown;
  readonly cert?: string;
  readonly retired_committed?: boolean;
  readonly [legacy: string]: unknown;
}

/** The only status a listed measurement has. */
export type CodeStatus = 'AllowedToJoin';

/** Least versions of an AMD processor's trusted firmware. */
export interface TcbVersion {
  readonly hexstring?: string;
  readonly boot_loader?: number;
  readonly tee?: number;
  readonly snp?: number;
  readonly microcode?: number;
  readonly fmc?: number;
}

/** Least security version by feed, of one issuer of utility VMs. */
export type UvmEndorsements = Readonly<Record<string, { readonly svn: string }>>;

/** Records by node. */
export const nodeInfos = serviceMap('public:ccf.gov.nodes.info', json<NodeInfo>());
/** Trusted nodes that do not count in quorums yet: they catch up with the ledger. Ours; CCF has no such table. */
export const learningNodes = serviceSet('public:ccf.internal.nodes.learning');
/** PEM certificate the service gave a node. */
export const nodeEndorsedCertificates = serviceMap('public:ccf.gov.nodes.endorsed_certificates', text);
/** SGX measurements, kept readable although no node can join with them any more. */
export const nodeCodeIds = serviceMap('public:ccf.gov.nodes.code_ids', json<CodeStatus>());
/** Host data of virtual nodes, hex. */
export const virtualHostData = serviceSet('public:ccf.gov.nodes.virtual.host_data');
/** Measurements of virtual nodes, any text. */
export const virtualMeasurements = serviceMap(
  'public:ccf.gov.nodes.virtual.measurements',
  json<CodeStatus>(),
);
/** Security policy text (may be empty) by host data, hex. */
export const snpHostData = serviceMap('public:ccf.gov.nodes.snp.host_data', json<string>());
/** Launch measurements, hex. */
export const snpMeasurements = serviceMap('public:ccf.gov.nodes.snp.measurements', json<CodeStatus>());
/** Endorsed utility VMs by issuer DID. */
export const snpUvmEndorsements = serviceMap(
  'public:ccf.gov.nodes.snp.uvm_endorsements',
  json<UvmEndorsements>(),
);
/** Least firmware versions by processor, eight hex digits of CPUID. */
export const snpTcbVersions = serviceMap('public:ccf.gov.nodes.snp.tcb_versions', json<TcbVersion>());

/** What is known of a node's platform since its evidence was last verified. */
export interface NodeStanding {
  readonly claims: Claims;
  /** What its assurance suffices for. */
  readonly role: NodeRole;
  /** The policy was changed and lets the node do less: since when (as `verified`), and what it did until then. */
  readonly lowered?: { readonly since: number; readonly from: NodeRole };
  /** It goes without ledger secrets, and cannot come to serve what is private: it may only verify, whatever the policy. */
  readonly secretless?: true;
  /** The member that answers for its machine, when the policy says so. */
  readonly member?: MemberId;
  /** When the evidence was verified: milliseconds since 1970 by the clock of the node that did. */
  readonly verified: number;
  /** A renewal: the evidence, and the root of the history its nonce was. */
  readonly renewal?: { readonly evidence: QuoteInfo; readonly seqno: number; readonly root: string };
  /** The policy was changed and refuses the node: since when (as `verified`), and why. */
  readonly refused?: { readonly since: number; readonly refusal: string; readonly message: string };
}

/** What the consortium asks of its nodes' platforms beyond CCF's tables. */
export const nodePolicies = serviceValue('public:ccf.gov.nodes.attestation_policy', json<NodePolicy>());
/** How nodes stand with that policy; the primary writes it. */
export const nodeStandings = serviceMap('public:ccf.internal.nodes.standings', json<NodeStanding>());

/** That a node's TPM gave back a secret that was encrypted to its endorsement key, for the key its quotes are signed by. */
export interface NodeActivation {
  /** PEM, from the certificate of the endorsement key to its authority. */
  readonly certificates: string;
  /** Hexadecimal SHA-256 of the endorsement key's SubjectPublicKeyInfo. */
  readonly endorsement_key: string;
  /** Name of the attestation key, hexadecimal. */
  readonly attestation_key: string;
}

/** What the primary saw activated when it let a node in. */
export const nodeActivations = serviceMap('public:ccf.internal.nodes.activations', json<NodeActivation>());

/** What evidence must bind to be fresh: a root of the history, and when it was set as the challenge (ms). */
export interface LeaseChallenge {
  readonly seqno: number;
  /** Hexadecimal. */
  readonly root: string;
  readonly made: number;
  /** The one before, which evidence may still be on its way for. */
  readonly previous?: string;
}

/** The current challenge, while the policy asks for leases; the primary renews it. */
export const leaseChallenge = serviceValue(
  'public:ccf.internal.nodes.lease_challenge',
  json<LeaseChallenge>(),
);
/** Trusted nodes that do not count in consensus: their lease lapsed, or the policy refuses them or their vote. */
export const suspendedNodes = serviceSet('public:ccf.internal.nodes.suspended');

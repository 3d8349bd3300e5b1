import {
  AttestationError,
  type CheckName,
  type Claims,
  type Endorsements,
  type Evidence,
  type Expected,
  type Roots,
  readQuoteInfo,
  vendorRoots,
  verify,
} from '@coco/attestation';
import { fromHex, splitPemBundle } from '@coco/crypto';
import type { ReadableMapState } from '@coco/kv';
import { checkJoinPolicy, type JoinRefusal, platformClaims } from '../join.ts';
import type { MemberId } from '../tables/members.ts';
import {
  type NodeActivation,
  type NodeId,
  nodeActivations,
  nodeInfos,
  nodeStandings,
  type QuoteInfo,
} from '../tables/nodes.ts';
import { type NodeRole, namesCode, nodePolicy, ownerOf, roleFor, ruleFor } from './node-policy.ts';

/** Who wants to count as a node, and what it shows. */
export interface Candidate {
  /** The digest of its key, which the evidence must bind. */
  readonly id: NodeId;
  readonly evidence: QuoteInfo;
  /** The challenge, when one was set: 32 bytes. */
  readonly nonce?: Uint8Array;
  /** A TPM that was just seen to give a secret back; otherwise what is recorded of that counts. */
  readonly activation?: NodeActivation;
}

/** What evidence is judged by, beside the tables. */
export interface AdmissionOptions {
  /** Milliseconds since 1970: now, or when the evidence was recorded. */
  readonly now: number;
  /** Default: the vendors' own. */
  readonly roots?: Roots;
}

/** Why not: a check of the evidence, a row of CCF's join policy, or a rule of the consortium's policy. */
export type AdmissionRefusal = CheckName | JoinRefusal | 'code-not-named' | 'machine-in-use' | 'role';

/** Whether the evidence and the policy let a node in, and what it may do then. */
export type Admission =
  | {
      readonly kind: 'admitted';
      readonly claims: Claims;
      /** The strongest role its assurance suffices for. */
      readonly role: NodeRole;
      /** The member that answers for its machine, when the policy says so. */
      readonly member: MemberId | undefined;
    }
  | {
      readonly kind: 'refused';
      readonly refusal: AdmissionRefusal;
      /** Words for the operator; where CCF has some, they begin with those. */
      readonly message: string;
    };

const refused = (refusal: AdmissionRefusal, message: string): Admission => ({
  kind: 'refused',
  refusal,
  message,
});

/**
 * Verifies a node's evidence, that it binds the node's key, and holds it to the policy the members voted: the
 * one door for joiners, for renewals and for nodes that are looked at again.
 */
export function admitNode(
  state: ReadableMapState,
  candidate: Candidate,
  options: AdmissionOptions,
): Admission {
  try {
    return judgeCandidate(state, candidate, options);
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    return refused(error.code, refusalText(error));
  }
}

function judgeCandidate(
  state: ReadableMapState,
  candidate: Candidate,
  { now, roots = vendorRoots }: AdmissionOptions,
): Admission {
  const { evidence, endorsements } = readQuoteInfo(candidate.evidence);
  const activation = candidate.activation ?? nodeActivations.get(state, candidate.id);
  const rule = ruleFor(state, evidence.platform);
  if (rule === undefined) return notAccepted(evidence);
  if (!namesCode(evidence.platform, rule)) {
    const what = `The attestation policy accepts ${evidence.platform} and does not say with which code`;
    return refused('code-not-named', what);
  }
  const { claims } = verify(
    evidence,
    { ...endorsements, ...activationShown(activation) },
    { roots, policy: rule, expected: { ...bound(candidate), ...activationKnown(activation) } },
    now,
  );
  const tabled = platformClaims(claims);
  const verdict = tabled === undefined ? undefined : checkJoinPolicy(state, tabled);
  if (verdict?.kind === 'refused') return refused(verdict.refusal, verdict.message);
  return judgeMachine(state, candidate.id, claims);
}

function bound({ id, nonce }: Candidate): Expected {
  const keyDigest = fromHex(id);
  return nonce === undefined ? { keyDigest } : { keyDigest, nonce };
}

function activationShown(activation: NodeActivation | undefined): Pick<Endorsements, 'activation'> {
  if (activation === undefined) return {};
  return { activation: { certificates: splitPemBundle(activation.certificates).map(({ der }) => der) } };
}

function activationKnown(activation: NodeActivation | undefined): Pick<Expected, 'activation'> {
  if (activation === undefined) return {};
  const { endorsement_key: endorsementKey, attestation_key: attestationKeyName } = activation;
  return { activation: { secret: 'known', endorsementKey, attestationKeyName } };
}

function judgeMachine(state: ReadableMapState, id: NodeId, claims: Claims): Admission {
  const policy = nodePolicy(state);
  const other = machineMate(state, id, claims);
  if (other !== undefined && !(policy.sharedMachines ?? policy.machines === undefined)) {
    return refused('machine-in-use', `Machine ${claims.platformId} already runs node ${other}`);
  }
  const role = roleFor(policy, claims.assurance);
  if (role === undefined) {
    return refused('role', `An assurance of "${claims.assurance}" suffices for no role of the policy`);
  }
  return { kind: 'admitted', claims, role, member: ownerOf(policy, claims) };
}

/** Another trusted node on the same machine: two nodes that could fail and be corrupted as one. */
export function machineMate(state: ReadableMapState, id: NodeId, { platformId }: Claims): NodeId | undefined {
  if (platformId === null) return undefined;
  for (const [other, standing] of nodeStandings.entries(state)) {
    const isMate = other !== id && standing.claims.platformId === platformId;
    if (isMate && nodeInfos.get(state, other)?.status === 'Trusted') return other;
  }
  return undefined;
}

function notAccepted({ platform }: Evidence): Admission {
  return refused('platform-accepted', `Quote could not be verified: ${platform} is not an accepted platform`);
}

/** CCF has words of its own for the binding of the key, and one sentence for all the rest. */
function refusalText({ code, message }: AttestationError): string {
  return code === 'report-data'
    ? `Quote report data does not contain node's public key hash: ${message}`
    : `Quote could not be verified: ${code}: ${message}`;
}

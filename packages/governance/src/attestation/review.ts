import { fromHex } from '@coco/crypto';
import type { ReadableMapState, Tx } from '@coco/kv';
import { type NodeId, type NodeInfo, type NodeStanding, nodeInfos, nodeStandings } from '../tables/nodes.ts';
import { type Admission, type AdmissionOptions, admitNode, type Candidate } from './admit.ts';
import { isStronger, type NodePolicy, type NodeRole, nodePolicy } from './node-policy.ts';

/** How a node stands under the policy, at one moment. */
export interface NodeReview {
  readonly id: NodeId;
  /** What its recorded evidence, as of when it was verified, is worth under the policy. */
  readonly admission: Admission;
  /** As recorded; undefined for a node that was let in before standings were kept. */
  readonly before: NodeStanding | undefined;
  /** As it is now; undefined when nothing ever spoke for the node. */
  readonly standing: NodeStanding | undefined;
  /** When it stops counting unless something changes: milliseconds since 1970; null: nothing ends it. */
  readonly until: number | null;
}

/**
 * When a node stops counting: at the end of its lease, or of the grace period after the policy began to refuse
 * it. Null: nothing ends it.
 */
export function endOfStanding(
  { lease, graceSeconds = 0 }: NodePolicy,
  standing: NodeStanding | undefined,
): number | null {
  // Who was never let in has no grace.
  if (standing === undefined) return 0;
  const { verified, refused } = standing;
  const ends = [
    ...(lease === undefined ? [] : [verified + lease.seconds * 1000]),
    ...(refused === undefined ? [] : [refused.since + graceSeconds * 1000]),
  ];
  return ends.length === 0 ? null : Math.min(...ends);
}

/**
 * Whether a node counts, by what is recorded of it: a node that does not takes no part in consensus. Nodes of a
 * service that records no standings all count.
 */
export function nodeCounts(state: ReadableMapState, id: NodeId, now: number): boolean {
  if (nodeStandings.size(state) === 0) return true;
  const until = endOfStanding(nodePolicy(state), nodeStandings.get(state, id));
  return until === null || now < until;
}

/** What a node may do now: the role of its standing, or the stronger one it had until a grace period ends. */
export function roleNow(state: ReadableMapState, id: NodeId, now: number): NodeRole {
  const standing = nodeStandings.get(state, id);
  if (standing === undefined) return 'vote';
  const { role, lowered } = standing;
  const { graceSeconds = 0 } = nodePolicy(state);
  return lowered !== undefined && now < lowered.since + graceSeconds * 1000 ? lowered.from : role;
}

/**
 * Looks at every trusted node as if it came now, with the evidence it last gave and at the time that was
 * verified: certificates that have expired since are the lease's matter, not the policy's.
 */
export function reviewNodes(state: ReadableMapState, options: AdmissionOptions): readonly NodeReview[] {
  const policy = nodePolicy(state);
  const trusted = [...nodeInfos.entries(state)].filter(([, { status }]) => status === 'Trusted');
  return trusted.map(([id, info]) => {
    const before = nodeStandings.get(state, id);
    const verified = before?.verified ?? options.now;
    const admission = admitNode(state, candidateOf(id, info, before), { ...options, now: verified });
    const standing = nextStanding(before, admission, options.now);
    return { id, admission, before, standing, until: endOfStanding(policy, standing) };
  });
}

function candidateOf(id: NodeId, info: NodeInfo, standing: NodeStanding | undefined): Candidate {
  const renewal = standing?.renewal;
  if (renewal === undefined) return { id, evidence: info.quote_info };
  return { id, evidence: renewal.evidence, nonce: fromHex(renewal.root) };
}

function nextStanding(
  before: NodeStanding | undefined,
  admission: Admission,
  now: number,
): NodeStanding | undefined {
  if (admission.kind === 'admitted') {
    const verified = before?.verified ?? now;
    return standingOf(admission, { now, verified, before, renewal: before?.renewal });
  }
  if (before === undefined) return undefined;
  const { refusal, message } = admission;
  return { ...before, refused: { since: before.refused?.since ?? now, refusal, message } };
}

/** When and how evidence was accepted, and how its node stood until then. */
interface Acceptance {
  readonly now: number;
  /** When the evidence was verified; absent: now. */
  readonly verified?: number;
  readonly before?: NodeStanding | undefined;
  readonly renewal?: NodeStanding['renewal'];
}

/** The standing of a node that was admitted: by its record or by a renewal, for the first time or again. */
export function standingOf(
  { claims, role: sufficient, member }: Extract<Admission, { kind: 'admitted' }>,
  { now, verified = now, before, renewal }: Acceptance,
): NodeStanding {
  const isSecretless = before?.secretless === true;
  const role = isSecretless ? 'verify' : sufficient;
  return {
    claims,
    role,
    ...loweredFrom(before, role, now),
    ...(isSecretless ? { secretless: true } : {}),
    ...(member === undefined ? {} : { member }),
    verified,
    ...(renewal === undefined ? {} : { renewal }),
  };
}

/** A role that becomes weaker does so after the grace period, which begins when that was first seen. */
function loweredFrom(
  before: NodeStanding | undefined,
  role: NodeRole,
  now: number,
): Pick<NodeStanding, 'lowered'> {
  const from = before?.lowered?.from ?? before?.role;
  if (from === undefined || !isStronger(from, role)) return {};
  return { lowered: before?.lowered ?? { since: now, from } };
}

/** What a review changed about a node, for the log. */
export interface StandingChange {
  readonly id: NodeId;
  readonly change: 'accepted' | 'lowered' | 'refused';
  readonly message: string;
}

const dutyOf: Readonly<Record<NodeRole, string>> = {
  vote: 'vote',
  secrets: 'hold ledger secrets, and not to vote',
  verify: 'verify, and not to hold ledger secrets',
};

/**
 * Writes how nodes stand where that differs from what is recorded: the begin of a refusal (from which the grace
 * period runs), its end, another role. Writes nothing when nothing changed.
 */
export function recordReview(tx: Tx, reviews: readonly NodeReview[]): readonly StandingChange[] {
  return reviews.flatMap(({ id, before, standing }): StandingChange[] => {
    if (standing === undefined || JSON.stringify(standing) === JSON.stringify(before)) return [];
    nodeStandings.set(tx, id, standing);
    const { refused, role } = standing;
    if (refused !== undefined) return [{ id, change: 'refused', message: refused.message }];
    const change = standing.lowered === undefined ? 'accepted' : 'lowered';
    return [{ id, change, message: `its platform suffices to ${dutyOf[role]}` }];
  });
}

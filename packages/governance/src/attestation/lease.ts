import { fromHex } from '@coco/crypto';
import type { ReadableMapState, Tx } from '@coco/kv';
import { membershipOf } from '../node-life.ts';
import {
  type LeaseChallenge,
  leaseChallenge,
  type NodeId,
  nodeInfos,
  nodeStandings,
  type QuoteInfo,
  suspendedNodes,
} from '../tables/nodes.ts';
import { type Admission, type AdmissionOptions, admitNode } from './admit.ts';
import { nodePolicy } from './node-policy.ts';
import { nodeCounts, roleNow, standingOf } from './review.ts';

/** Parts of a lease after which the challenge is renewed, and after which nodes renew their evidence. */
const challengesPerLease = 8;
const renewalsPerLease = 2;

/**
 * Sets the root of the history as the challenge when the one in force is older than an eighth of a lease. Answers
 * whether it wrote.
 */
export function renewChallenge(
  tx: Tx,
  latest: { readonly seqno: number; readonly root: string },
  now: number,
): boolean {
  const { lease } = nodePolicy(tx);
  if (lease === undefined) return false;
  const current = leaseChallenge.get(tx);
  const isFresh = current !== undefined && now < current.made + (lease.seconds * 1000) / challengesPerLease;
  if (isFresh || current?.root === latest.root) return false;
  const previous = current === undefined ? {} : { previous: current.root };
  leaseChallenge.set(tx, { ...latest, made: now, ...previous });
  return true;
}

/** The challenge a node is to renew its evidence with now, or undefined while its lease is young. */
export function dueChallenge(state: ReadableMapState, id: NodeId, now: number): LeaseChallenge | undefined {
  const { lease } = nodePolicy(state);
  const standing = nodeStandings.get(state, id);
  if (lease === undefined || standing === undefined) return undefined;
  const isDue = now >= standing.verified + (lease.seconds * 1000) / renewalsPerLease;
  const isRefused = standing.refused !== undefined;
  const challenge = leaseChallenge.get(state);
  return (isDue || isRefused) && challenge?.root !== standing.renewal?.root ? challenge : undefined;
}

/** Evidence that a node made over a challenge. */
export interface Renewal {
  readonly evidence: QuoteInfo;
  /** The challenge, hexadecimal. */
  readonly root: string;
}

/** Verifies fresh evidence of a node that is in, and records it. A refusal changes nothing: the lease runs on. */
export function renewLease(
  tx: Tx,
  id: NodeId,
  { evidence, root }: Renewal,
  options: AdmissionOptions,
): Admission {
  const challenge = leaseChallenge.get(tx);
  if (nodeInfos.get(tx, id)?.status !== 'Trusted') return refusedRenewal('The node is not a trusted one');
  if (challenge === undefined || (root !== challenge.root && root !== challenge.previous)) {
    return refusedRenewal('The evidence is for a challenge that is not in force');
  }
  const admission = admitNode(tx, { id, evidence, nonce: fromHex(root) }, options);
  if (admission.kind === 'admitted') {
    const renewal = { evidence, seqno: challenge.seqno, root };
    const before = nodeStandings.get(tx, id);
    nodeStandings.set(tx, id, standingOf(admission, { now: options.now, before, renewal }));
  }
  return admission;
}

function refusedRenewal(message: string): Admission {
  return { kind: 'refused', refusal: 'quoted-nonce', message };
}

/** What `settleSuspensions` changed. */
export interface Suspensions {
  readonly suspended: readonly NodeId[];
  readonly resumed: readonly NodeId[];
}

/**
 * Suspends trusted nodes that do not count or whose role is not to vote, and lets those vote again that do. When
 * nobody would be left to vote, nothing is suspended: a service without voters could not change its policy.
 */
export function settleSuspensions(tx: Tx, now: number): Suspensions {
  endGraces(tx, now);
  const { voters } = membershipOf(tx);
  const barred = voters.filter((id) => !mayVote(tx, id, now));
  const suspended = barred.length < voters.length ? barred : [];
  const resumed = [...suspendedNodes.values(tx)].filter(
    (id) => mayVote(tx, id, now) || nodeInfos.get(tx, id)?.status !== 'Trusted',
  );
  for (const id of suspended) suspendedNodes.add(tx, id);
  for (const id of resumed) suspendedNodes.delete(tx, id);
  return { suspended, resumed };
}

/** What a node did before its role was lowered is over with the grace period. */
function endGraces(tx: Tx, now: number): void {
  const { graceSeconds = 0 } = nodePolicy(tx);
  for (const [id, { lowered, ...standing }] of [...nodeStandings.entries(tx)]) {
    const isOver = lowered !== undefined && now >= lowered.since + graceSeconds * 1000;
    if (isOver) nodeStandings.set(tx, id, standing);
  }
}

function mayVote(state: ReadableMapState, id: NodeId, now: number): boolean {
  return nodeCounts(state, id, now) && roleNow(state, id, now) === 'vote';
}

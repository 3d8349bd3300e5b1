import { concatBytes, sha256, sha256Hex, toBase64 } from '@coco/crypto';
import { byteStringToBytes, byteStringToUtf8, type ReadableMapState, type Tx } from '@coco/kv';
import type { MemberCoseIdentity } from './authenticate/caller.ts';
import {
  type ApplyFailure,
  applyProposal,
  evaluateBallot,
  resolveProposal,
} from './constitution/evaluate.ts';
import { type MemberId, memberInfos } from './tables/members.ts';
import {
  coseHistory,
  type Failure,
  type ProposalId,
  type ProposalInfo,
  proposalInfos,
  proposals,
} from './tables/proposals.ts';
import type { GovernanceWorld } from './world.ts';

/**
 * The id of a proposal: bound to the state it was made in and to its signature, so that the same signed
 * text submitted twice is two proposals, and nobody can choose an id.
 */
export function proposalIdOf(merkleRoot: Uint8Array, signature: Uint8Array): ProposalId {
  return sha256Hex(concatBytes(merkleRoot, sha256(signature)));
}

/** Keeps the signed request of an accepted governance write for auditors. */
export function recordEnvelope(tx: Tx, signer: MemberCoseIdentity): void {
  coseHistory.set(tx, signer.memberId, toBase64(signer.envelope));
}

/** A proposal as the interface shows it. */
export function proposalOut(proposalId: ProposalId, info: ProposalInfo): Record<string, unknown> {
  const { final_votes: finalVotes, vote_failures: voteFailures, failure } = info;
  return {
    proposalId,
    proposerId: info.proposer_id,
    proposalState: info.state,
    ballotCount: Object.keys(info.ballots).length,
    ...(finalVotes === undefined ? {} : { finalVotes }),
    ...(voteFailures === undefined ? {} : { voteFailures }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** A proposal that is over takes every other closed one out of the tables; the ledger keeps them all. */
export function forgetOtherClosedProposals(tx: Tx, kept: ProposalId): void {
  for (const [id, info] of proposalInfos.entries(tx)) {
    if (id === kept || info.state === 'Open') continue;
    proposals.delete(tx, id);
    proposalInfos.delete(tx, id);
  }
}

/** How an attempt to resolve ended. `failed`: the transaction must be discarded as a whole. */
export type Resolution =
  | { readonly kind: 'standing'; readonly info: ProposalInfo }
  | { readonly kind: 'failed'; readonly failure: ApplyFailure };

/**
 * Counts the ballots of an open proposal under the constitution in force and, when that accepts it,
 * carries it out: everything in this one transaction. The constitution sees the votes before it applies.
 */
export function resolve(tx: Tx, world: GovernanceWorld, open: OpenProposal): Resolution {
  const { id, info, source } = open;
  const decided = decide(tx, world, open);
  if ('failure' in decided) return { kind: 'failed', failure: decided.failure };
  const { failures, state, votes } = decided;
  if (state === 'Open') {
    proposalInfos.set(tx, id, info);
    return { kind: 'standing', info };
  }
  const closed: ProposalInfo = { ...info, state, final_votes: votes, vote_failures: failures };
  forgetOtherClosedProposals(tx, id);
  proposalInfos.set(tx, id, closed);
  if (state === 'Rejected') return { kind: 'standing', info: closed };

  const failure = applyProposal(tx, world, { id, source });
  if (failure !== undefined) return { kind: 'failed', failure };
  return { kind: 'standing', info: proposalInfos.get(tx, id) ?? closed };
}

/** A proposal that collects ballots, with its text. */
export interface OpenProposal {
  readonly id: ProposalId;
  readonly info: ProposalInfo;
  readonly source: string;
}

/** What the ballots come to, or why that cannot be told. */
export type Decided =
  | {
      readonly state: 'Open' | 'Accepted' | 'Rejected';
      readonly votes: Readonly<Record<MemberId, boolean>>;
      readonly failures: Readonly<Record<MemberId, Failure>>;
    }
  | { readonly failure: Failure };

/** Counts the ballots and asks the constitution in force. Writes nothing. */
export function decide(tx: Tx, world: GovernanceWorld, { id, info, source }: OpenProposal): Decided {
  const counted = countBallots(tx, world, { id, info, source });
  if ('failure' in counted) return counted;
  const { failures, votes } = counted;
  const resolved = resolveProposal(tx, world, { id, proposerId: info.proposer_id, source, votes });
  return 'failure' in resolved ? resolved : { state: resolved.state, votes, failures };
}

type Counted =
  | { readonly votes: Record<MemberId, boolean>; readonly failures: Record<MemberId, Failure> }
  | { readonly failure: Failure };

/**
 * Evaluates every ballot of a member who is active now: one who was removed since, or has to acknowledge
 * anew, has no vote. A ballot that throws is no vote, and its failure is kept for all to see.
 */
function countBallots(tx: Tx, world: GovernanceWorld, { id, info, source }: OpenProposal): Counted {
  const votes: Record<MemberId, boolean> = {};
  const failures: Record<MemberId, Failure> = {};
  for (const member of Object.keys(info.ballots).sort()) {
    if (!isActive(tx, member)) continue;
    const ballot = info.ballots[member] as string;
    const outcome = evaluateBallot(tx, world, { id, member, ballot, source, proposerId: info.proposer_id });
    if (outcome.kind === 'vote') votes[member] = outcome.vote;
    else if (outcome.kind === 'threw') failures[member] = outcome.failure;
    else return { failure: outcome.failure };
  }
  return { votes, failures };
}

function isActive(state: ReadableMapState, member: MemberId): boolean {
  return memberInfos.get(state, member)?.status === 'Active';
}

/** The text of a proposal; undefined when there is none, or it is not text. */
export function proposalSource(state: ReadableMapState, id: ProposalId): string | undefined {
  const bytes = proposals.get(state, id);
  return bytes === undefined ? undefined : byteStringToUtf8(bytes);
}

/** The proposals that still collect votes, in order of their ids. */
export function openProposals(state: ReadableMapState): ProposalId[] {
  const open: ProposalId[] = [];
  for (const [id, info] of proposalInfos.entries(state)) if (info.state === 'Open') open.push(id);
  return open;
}

/**
 * Looks again at a proposal whose outcome may have changed without a new ballot: because a member was
 * removed or became active. To be run in a transaction of its own after the one that changed the members,
 * for each of `openProposals`. Commit it when the answer is `standing`, which then is a closed proposal;
 * discard it when it is undefined (the proposal is as open as before) or `failed`.
 */
export function reconsider(tx: Tx, world: GovernanceWorld, id: ProposalId): Resolution | undefined {
  const info = proposalInfos.get(tx, id);
  const source = proposalSource(tx, id);
  if (info === undefined || source === undefined || info.state !== 'Open') return undefined;
  const resolution = resolve(tx, world, { id, info, source });
  return resolution.kind === 'standing' && resolution.info.state === 'Open' ? undefined : resolution;
}

/** The root of the history as bytes, for ids and digests. */
export function rootBytes(world: GovernanceWorld): Uint8Array {
  return byteStringToBytes(world.merkleRoot());
}

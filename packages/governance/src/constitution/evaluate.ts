import type { Tx } from '@coco/kv';
import type { MemberId } from '../tables/members.ts';
import type { Failure, ProposalId } from '../tables/proposals.ts';
import { constitution } from '../tables/service.ts';
import type { GovernanceWorld } from '../world.ts';
import { type Ran, run } from './run.ts';

const constitutionName = `${constitution.name}[0]`;

/** What `validate` said of a proposal; `failed` when it could not even say. */
export type Validation =
  | { readonly kind: 'valid' }
  | { readonly kind: 'invalid'; readonly description: string }
  | { readonly kind: 'failed'; readonly message: string };

/** Runs `validate` of the constitution in force. */
export function validateProposal(tx: Tx, world: GovernanceWorld, source: string): Validation {
  const law = constitution.get(tx);
  if (law === undefined)
    return { kind: 'failed', message: 'No constitution is set - proposals cannot be evaluated' };
  const ran = run(tx, world, {
    phase: 'validate',
    name: constitutionName,
    module: law,
    function: 'validate',
    args: [source],
  });
  if (ran.kind === 'missing') return { kind: 'failed', message: ran.message };
  if (ran.kind === 'threw') {
    const { reason, trace = '' } = ran.failure;
    return { kind: 'failed', message: `Failed to execute validation: ${reason} ${trace}` };
  }
  const { value } = ran;
  if (typeof value !== 'object' || value === null) {
    return { kind: 'failed', message: 'Validation failed to return an object' };
  }
  const { valid, description } = value as Readonly<Record<string, unknown>>;
  if (valid === true) return { kind: 'valid' };
  return { kind: 'invalid', description: typeof description === 'string' ? description : '' };
}

/** What a ballot came to. `unusable`: it is no ballot at all, and whoever submits it is told so. */
export type BallotOutcome =
  | { readonly kind: 'vote'; readonly vote: boolean }
  | { readonly kind: 'threw'; readonly failure: Failure }
  | { readonly kind: 'unusable'; readonly failure: Failure };

/** Runs a member's ballot. Only exactly `true` is a vote in favour. */
export function evaluateBallot(
  tx: Tx,
  world: GovernanceWorld,
  {
    id,
    member,
    ballot,
    source,
    proposerId,
  }: { id: ProposalId; member: MemberId; ballot: string; source: string; proposerId: MemberId },
): BallotOutcome {
  const ran = run(tx, world, {
    phase: 'ballot',
    name: `public:ccf.gov.proposals_info[${id}].ballots[m[${member}]]`,
    module: ballot,
    function: 'vote',
    args: [source, proposerId],
  });
  switch (ran.kind) {
    case 'returned':
      return { kind: 'vote', vote: ran.value === true };
    case 'threw':
      return ran;
    case 'missing':
      return { kind: 'unusable', failure: { reason: ran.message } };
  }
}

/** What the constitution decides; anything else is a failure. */
type Decision = { readonly state: 'Open' | 'Accepted' | 'Rejected' } | { readonly failure: Failure };

/** Runs `resolve` of the constitution in force over the votes, in order of the members' ids. */
export function resolveProposal(
  tx: Tx,
  world: GovernanceWorld,
  {
    id,
    proposerId,
    source,
    votes,
  }: { id: ProposalId; proposerId: MemberId; source: string; votes: Readonly<Record<MemberId, boolean>> },
): Decision {
  const law = constitution.get(tx);
  if (law === undefined)
    return { failure: { reason: 'No constitution is set - ballots cannot be evaluated' } };
  const cast = Object.entries(votes).map(([member_id, vote]) => ({ member_id, vote }));
  const ran = run(tx, world, {
    phase: 'resolve',
    name: constitutionName,
    module: law,
    function: 'resolve',
    args: [source, proposerId, cast, id],
  });
  if (ran.kind !== 'returned') return { failure: failureOf(ran, 'resolve') };
  const { value } = ran;
  if (value === 'Open' || value === 'Accepted' || value === 'Rejected') return { state: value };
  return { failure: { reason: `resolve() returned invalid status value: "${String(value)}"` } };
}

/** Why a proposal was not carried out. `isRefusal`: an undo that cannot be done now, or not as it was previewed. */
export interface ApplyFailure extends Failure {
  readonly isRefusal?: true;
}

/** Runs `apply`; undefined when all is done. */
export function applyProposal(
  tx: Tx,
  world: GovernanceWorld,
  { id, source }: { id: ProposalId; source: string },
): ApplyFailure | undefined {
  const ran = run(tx, world, {
    phase: 'apply',
    name: constitutionName,
    // The law under which it was accepted carries it out, also when it changes that very law.
    module: constitution.require(tx),
    function: 'apply',
    args: [source, id],
  });
  if (ran.kind === 'returned') return undefined;
  if (ran.kind === 'threw' && ran.refused) return { reason: ran.refused.message, isRefusal: true };
  return failureOf(ran, 'apply');
}

function failureOf(ran: Exclude<Ran, { kind: 'returned' }>, what: string): Failure {
  if (ran.kind === 'missing') return { reason: ran.message };
  return { ...ran.failure, reason: `Failed to ${what}(): ${ran.failure.reason}` };
}

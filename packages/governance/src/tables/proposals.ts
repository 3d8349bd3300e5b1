import { json, raw } from './codec.ts';
import type { MemberId } from './members.ts';
import { serviceMap } from './table.ts';

/** Hex digest binding a proposal to the state it was made in and to its signature. */
export type ProposalId = string;

/**
 * `Open` can receive ballots. `Dropped`: another proposal changed what this one meant. `Failed` is
 * only ever an answer: the transaction that failed is discarded.
 */
export type ProposalState = 'Open' | 'Accepted' | 'Withdrawn' | 'Rejected' | 'Failed' | 'Dropped';

/** Why a ballot, a resolution or an application threw. */
export interface Failure {
  readonly reason: string;
  readonly trace?: string;
}

/** Value of `proposals_info`. */
export interface ProposalInfo {
  readonly proposer_id: MemberId;
  readonly state: ProposalState;
  /** Source of the ballot by member. */
  readonly ballots: Readonly<Record<MemberId, string>>;
  /** Frozen when the proposal leaves `Open` by resolution. */
  readonly final_votes?: Readonly<Record<MemberId, boolean>>;
  readonly vote_failures?: Readonly<Record<MemberId, Failure>>;
  readonly failure?: Failure;
}

/** Proposals, byte for byte as they were signed. */
export const proposals = serviceMap('public:ccf.gov.proposals', raw);
/** State, ballots and votes by proposal. */
export const proposalInfos = serviceMap('public:ccf.gov.proposals_info', json<ProposalInfo>());
/** Last signed envelope (base64) of each member's accepted governance write: the audit trail. */
export const coseHistory = serviceMap('public:ccf.gov.cose_history', json<string>());
/** Signed requests of the retired HTTP-signature scheme; only ever deleted. */
export const legacyHistory = serviceMap('public:ccf.gov.history', json<unknown>());
/** Proposal by `created_at:digest of signature`, against replay. */
export const recentProposals = serviceMap('public:ccf.gov.cose_recent_proposals', json<ProposalId>());

import { json } from './codec.ts';
import type { ProposalId } from './proposals.ts';
import { serviceMap } from './table.ts';

/** What becomes of transactions that depend on the one to be undone. */
export type UndoPolicy = 'restore' | 'cascade' | 'compensate';

/** Value of `undo.undos`. The version of the row is the transaction that carried the undo out. */
export interface UndoRecord {
  readonly policy: UndoPolicy;
  /** Hex digest of the plan that the ballots were bound to. */
  readonly plan: string;
  /** Transaction ids that the proposal named. */
  readonly transactions: readonly string[];
  /** Every transaction that is undone by it, dependents included, ascending. */
  readonly undone: readonly string[];
  /** Transactions that are in force again, because what had undone them was undone. */
  readonly restored: readonly string[];
  /** Transactions that are undone once more, because the undo that did it is in force again. */
  readonly undoneAgain: readonly string[];
}

/** Value of `undo.standings`. The version of the row is the transaction that brought it about. */
export interface StandingRecord {
  readonly standing: 'undone' | 'restored';
  readonly proposal: ProposalId;
}

/** Value of `endpoints.paused`. */
export interface Pause {
  readonly reason?: string;
}

/** Undos by the proposal that decided them. */
export const undos = serviceMap('public:ccf.gov.undo.undos', json<UndoRecord>());
/** Where transactions stand that were ever undone, by transaction id. All others are in force. */
export const standings = serviceMap('public:ccf.gov.undo.standings', json<StandingRecord>());
/** Endpoints that take no writes for now, by `VERB /path`; `*` is the whole app. */
export const pauses = serviceMap('public:ccf.gov.endpoints.paused', json<Pause>());

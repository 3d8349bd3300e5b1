import type { Entry, TxId } from './entry.ts';

/**
 * Replicates entries and, empty, serves as heartbeat. `entries` follow `previous` without
 * gap and are all of one view.
 * The receiver may commit up to the lower of `commit` and the last entry here, and no further.
 */
export interface AppendMessage {
  readonly kind: 'append';
  readonly view: number;
  readonly previous: TxId;
  readonly entries: readonly Entry[];
  readonly commit: number;
  /** Number of the leadership confirmation under way, echoed by the answer; 0 for none yet. */
  readonly round: number;
}

/** The receiver holds durably, and identically to the leader, everything up to `seqno`. */
export interface AcceptedMessage {
  readonly kind: 'accepted';
  readonly view: number;
  readonly seqno: number;
  readonly round: number;
}

/** `previous` did not fit. `estimate` is the highest place at which the two logs may still agree. */
export interface RejectedMessage {
  readonly kind: 'rejected';
  readonly view: number;
  /** Seqno of the `previous` that did not fit, so that late refusals can be told apart. */
  readonly previous: number;
  readonly estimate: TxId;
  readonly round: number;
}

/** Asks for a vote in `view`, or (`pre`) whether a vote would be given. */
export interface VoteRequestMessage {
  readonly kind: 'vote-request';
  readonly view: number;
  readonly pre: boolean;
  /** The last committable entry of the candidate. */
  readonly last: TxId;
}

export interface VoteMessage {
  readonly kind: 'vote';
  readonly view: number;
  readonly pre: boolean;
  readonly granted: boolean;
}

/** The leader of `view` asks the receiver to stand for election at once. */
export interface CampaignMessage {
  readonly kind: 'campaign';
  readonly view: number;
}

/** The leader no longer has the entries the receiver lacks: it needs a snapshot. */
export interface SnapshotNeededMessage {
  readonly kind: 'snapshot-needed';
  readonly view: number;
  /** The snapshot has to reach beyond this seqno to be of use. */
  readonly after: number;
}

/** Everything nodes say to each other. The channel vouches for the sender; no message names it. */
export type Message =
  | AppendMessage
  | AcceptedMessage
  | RejectedMessage
  | VoteRequestMessage
  | VoteMessage
  | CampaignMessage
  | SnapshotNeededMessage;

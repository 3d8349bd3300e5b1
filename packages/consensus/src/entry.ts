/** Name of a node, unique for ever: a node that stops never comes back under its old name. */
export type NodeId = string;

/** A place in the replicated log. `{ view: 0, seqno: 0 }` is the place before the first entry. */
export interface TxId {
  readonly view: number;
  readonly seqno: number;
}

/** The members an entry establishes: always the complete new set, never a difference. */
export interface Membership {
  /** Nodes that count in quorums. */
  readonly voters: readonly NodeId[];
  /** Nodes that receive entries but do not count; promoted by a later configuration once caught up. */
  readonly learners: readonly NodeId[];
}

/** A configuration and the entry that carries it. */
export interface Configuration extends Membership {
  readonly seqno: number;
}

/** One entry of the replicated log. Everything but the bytes is what consensus has to know about it. */
export interface Entry {
  /** The view of the leader that proposed it. */
  readonly view: number;
  /** Consecutive from 1. */
  readonly seqno: number;
  /** True for signature entries: commit moves from one committable entry to the next. */
  readonly committable: boolean;
  /** Opaque to consensus. Not copied: the owner must not change it afterwards. */
  readonly bytes: Uint8Array;
  /** Present on a reconfiguration; active from the moment the entry is appended. */
  readonly configuration?: Membership;
  /** Nodes whose retirement this entry completes (`retired_committed`). */
  readonly retired?: readonly NodeId[];
}

/** Where a view began: the seqno of its first entry. */
export interface ViewStart {
  readonly view: number;
  readonly seqno: number;
}

/** The committed state a node starts from. */
export interface Origin {
  /**
   * View to start in: 2 for a new service, the old ledger's last view + 2 in a recovery, 0 for a joiner.
   * The node starts no lower than the view of `seqno`.
   */
  readonly view: number;
  /** Whether the node starts as leader of `view`: the first node of a service, or one that recovers it. */
  readonly leads: boolean;
  /** Last seqno held, all of it committed: of a snapshot, or the last signature recovered; 0 for nothing. */
  readonly seqno: number;
  /** Where each view up to `seqno` began, ascending. Empty when `seqno` is 0. */
  readonly viewHistory: readonly ViewStart[];
  /** Configurations active at `seqno`, ascending. Empty before the first. */
  readonly configurations: readonly Configuration[];
  /** Nodes whose removal is committed at `seqno` and whose `retired` entry is not. */
  readonly retiring: readonly NodeId[];
}

/** The first view of a new service. */
export const FIRST_VIEW = 2;

/** Origin of the first node of a new service. It leads; its owner proposes the first configuration. */
export const genesis: Origin = {
  view: FIRST_VIEW,
  leads: true,
  seqno: 0,
  viewHistory: [],
  configurations: [],
  retiring: [],
};

/** Origin of a node that joins with nothing and waits to hear from a leader. */
export const emptyJoiner: Origin = { ...genesis, view: 0, leads: false };

import type { Configuration, NodeId } from './entry.ts';

/** `None`: a joiner before its first message of a leader, or a node whose retirement is complete. */
export type Role = 'None' | 'Follower' | 'PreVoteCandidate' | 'Candidate' | 'Leader';

/**
 * The way out of a service. Ordered: an entry without the node is appended. Signed: a committable entry
 * covers it. Completed: that is committed. RetiredCommitted: so is the entry that says so; it may be stopped.
 */
export type RetirementPhase = 'Ordered' | 'Signed' | 'Completed' | 'RetiredCommitted';

/** What a leader knows of another node. */
export interface PeerStatus {
  /** Highest seqno the node is known to hold durably and identically. */
  readonly seqno: number;
  /** Ticks since its last answer. */
  readonly silentTicks: number;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  /** Bytes sent and not yet answered. */
  readonly bytesInFlight: number;
}

/** A reading of a node's consensus, as `/node/consensus` reports it. */
export interface Status {
  readonly id: NodeId;
  readonly role: Role;
  readonly membership: 'Active' | 'Retired';
  readonly retirementPhase: RetirementPhase | null;
  readonly view: number;
  readonly leader: NodeId | null;
  readonly last: number;
  readonly durable: number;
  readonly commit: number;
  /** Committable seqnos above the commit seqno, ascending. */
  readonly committable: readonly number[];
  /** Weight of the entries kept in memory for followers. */
  readonly bytesInMemory: number;
  /** Active configurations: the current one first, pending ones after it. */
  readonly configurations: readonly Configuration[];
  /** Whether the node would stand for election if it heard nothing. */
  readonly ticking: boolean;
  /** By node; empty unless this node leads. */
  readonly peers: ReadonlyMap<NodeId, PeerStatus>;
}

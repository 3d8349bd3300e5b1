/** A node as checkers see it: what it holds, by seqno. `digest` covers everything up to that seqno. */
export interface Witness {
  readonly id: string;
  readonly view: number;
  /** Digest of the node's log up to `seqno`; null beyond its end, or before what its snapshot holds. */
  digestAt(seqno: number): number | null;
  /** Digest of what is flushed on its disk up to `seqno`, which outlives the node. */
  flushedDigestAt(seqno: number): number | null;
}

/** Voters a decision needs a majority of. */
export interface Electorate {
  readonly seqno: number;
  readonly voters: readonly string[];
}

/** What checkers may watch; each implements what it needs, and throws `Violation` when it sees a wrong. */
export interface Observer {
  /** A node began to lead. */
  onLed?(node: Witness): void;
  /** A node appended the entry `seqno` of `view`. */
  onAppended?(node: Witness, seqno: number, view: number): void;
  onTruncated?(node: Witness, seqno: number): void;
  /** A node learnt, or as leader decided, that everything up to `seqno` is committed. */
  onCommitted?(node: Witness, seqno: number, electorates: readonly Electorate[]): void;
  /** A node's retirement is complete: it may be stopped. */
  onRetired?(node: Witness): void;
  onReadAsked?(context: number): void;
  onReadConfirmed?(node: Witness, context: number, seqno: number): void;
  /** A node started over from a snapshot at `seqno`. */
  onInstalled?(node: Witness, seqno: number): void;
}

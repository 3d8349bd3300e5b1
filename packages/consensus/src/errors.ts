export type ConsensusErrorCode =
  /** Only a leader takes proposals. */
  | 'NotLeader'
  /** A proposal was not numbered on from the last entry. */
  | 'SeqnoNotNext'
  /** A proposal carries another view than the leader's. */
  | 'ViewNotCurrent'
  /** A configuration names a node that has been removed before; ids are never reused. */
  | 'NodeRetired'
  /** A configuration without voters, or one that names a node twice. */
  | 'ConfigurationInvalid'
  /** A snapshot was loaded over a log that holds what it holds, and maybe more. */
  | 'SnapshotNotNeeded'
  /** The options or the origin contradict themselves. */
  | 'OptionInvalid'
  /** Bytes that are no message. */
  | 'MessageMalformed'
  /** A rule of the protocol would be broken; the step is refused. */
  | 'InvariantBroken';

/** Rejected input or a broken invariant; `code` says which. Protocol conditions are never errors. */
export class ConsensusError extends Error {
  readonly code: ConsensusErrorCode;

  constructor(code: ConsensusErrorCode, message: string) {
    super(message);
    this.name = 'ConsensusError';
    this.code = code;
  }
}

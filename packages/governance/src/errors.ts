/** What can go wrong for a caller of this room; the message names the offending thing. */
export type GovernanceErrorCode =
  /** A table holds bytes this room cannot read: the ledger is not one of ours, or was tampered with. */
  | 'TableCorrupt'
  /** A value of a table that must be there is not (constitution, configuration, service). */
  | 'TableMissing'
  /** Genesis was given something it cannot start a service from. */
  | 'InvalidGenesis'
  /** The identity of the service given to open it is not the one recorded. */
  | 'ServiceIdentityMismatch'
  /** Recovery shares cannot be issued: no member to hold one, or fewer members than the threshold. */
  | 'SharesNotIssued'
  /** A recovery share is malformed, or the shares together do not open the ledger secret. */
  | 'ShareRejected'
  /** The chain of former ledger secrets does not unwind. */
  | 'SecretChainBroken'
  /** A validity period is unreadable or longer than the service allows. */
  | 'InvalidValidity'
  /** A rekey, new recovery shares, an opening or an activation that the state of the service forbids. */
  | 'WrongServiceState'
  /** Nodes cannot change so: none would be left, or one would come back from its retirement. */
  | 'MembershipInvalid'
  /** Signing keys of a token issuer that cannot be installed. */
  | 'InvalidSigningKeys'
  /** An authentication policy nobody knows. */
  | 'UnknownPolicy'
  /** An undo that cannot be, or is no longer what was previewed. */
  | 'UndoRefused'
  /** What an undo rests on has yet to be read, or is on no node within reach: nothing is decided. */
  | 'UndoNotReady'
  /** A request that is not even a readable signed envelope. */
  | 'MalformedEnvelope';

/** The one error class of the room. */
export class GovernanceError extends Error {
  readonly code: GovernanceErrorCode;

  constructor(code: GovernanceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'GovernanceError';
    this.code = code;
  }
}

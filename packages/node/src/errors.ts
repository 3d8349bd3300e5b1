export type NodeErrorCode =
  /** The leader replicated something that no sound node of the service would. */
  | 'ReplicationUnsound'
  /** Ledger files that cannot be recovered from. */
  | 'LedgerUnsound'
  /** The service refused the node, or is not the one it was told to join. */
  | 'JoinRefused'
  /** Bytes of another node that are no message. */
  | 'MessageMalformed';

/** What keeps a node from going on, or a message from being believed; the message says what and why. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly code: NodeErrorCode;

  constructor(code: NodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

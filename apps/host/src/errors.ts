/** What may keep the daemon from running. */
export type HostErrorCode =
  /** The configuration is unreadable, or fields of it are refused; the message lists them. */
  | 'Configuration'
  /** A file that the configuration names cannot be read or written. */
  | 'File'
  /** An address cannot be bound. */
  | 'Listen'
  /** Another daemon holds the ledger directory. */
  | 'Locked'
  /** The ledger files are damaged or do not fit together; the message names file and offset. */
  | 'Ledger'
  /** The machine gives no evidence of what it runs, or what vouches for it cannot be had. */
  | 'Evidence'
  /** A write or flush of the ledger failed: nothing further may be acknowledged. */
  | 'Write';

/** A refusal of the daemon, meant for its operator: the message says what to look at. */
export class HostError extends Error {
  readonly code: HostErrorCode;

  constructor(code: HostErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HostError';
    this.code = code;
  }
}

/** The text of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

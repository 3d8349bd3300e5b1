/**
 * What was wrong with the bytes, receipt or request. One code per kind of thing, so that callers can branch
 * on it.
 */
export type LedgerErrorCode =
  | 'InvalidTxId'
  | 'InvalidArgument'
  | 'MalformedEntry'
  | 'MalformedChunk'
  | 'MalformedTree'
  | 'MalformedSignature'
  | 'MalformedReceipt'
  | 'MalformedEndorsement'
  | 'MalformedSnapshot'
  | 'MalformedSecret'
  | 'NotRetained'
  | 'MissingSecret'
  | 'DecryptionFailed'
  | 'VerificationFailed'
  | 'LimitExceeded';

/**
 * Which check of a verification refused. The steps are those of docs/ledger-format.md, in the order they are
 * made.
 */
export type VerificationStep =
  | 'shape'
  | 'transaction-id'
  | 'claims'
  | 'proof'
  | 'node'
  | 'root'
  | 'root-signature'
  | 'node-certificate'
  | 'service-endorsement'
  | 'service-key'
  | 'epoch'
  | 'snapshot-digest'
  | 'standing';

/** Where and at which step. `offset` is in bytes from the start of what was being read. */
export interface LedgerErrorDetails {
  readonly step?: VerificationStep;
  readonly offset?: number;
  readonly cause?: unknown;
}

/** Rejected input. The message names the offending thing and never holds secret bytes. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: LedgerErrorCode;
  readonly step: VerificationStep | undefined;
  readonly offset: number | undefined;

  constructor(code: LedgerErrorCode, message: string, details: LedgerErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.step = details.step;
    this.offset = details.offset;
  }
}

/**
 * Runs one step of a verification; whatever it throws that is not yet a LedgerError becomes one naming the
 * step.
 */
export function inStep<T>(step: VerificationStep, what: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new LedgerError('VerificationFailed', `${what}: ${reason}`, { step, cause: error });
  }
}

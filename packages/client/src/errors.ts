import type { ErrorBody } from '@coco/api';

/**
 * What went wrong. `Unreachable`: the request surely did not reach a node. `Interrupted`: it was sent, and
 * no answer came: it may or may not have been executed. `WentBack`: the service denies what it had
 * committed. `Refused`: the service answered, with an error.
 */
export type ClientErrorCode =
  | 'InvalidArgument'
  | 'Unreachable'
  | 'UntrustedService'
  | 'Interrupted'
  | 'Refused'
  | 'UnexpectedAnswer'
  | 'TooManyRedirects'
  | 'TimedOut'
  | 'WentBack'
  | 'ReceiptInvalid';

/** The only error this room throws. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  /** The answer that was a refusal, when there was one. */
  readonly refusal: Refusal | undefined;

  constructor(code: ClientErrorCode, message: string, options: ErrorOptions & { refusal?: Refusal } = {}) {
    super(message, options);
    this.code = code;
    this.refusal = options.refusal;
  }
}

/** An answer outside 2xx. */
export interface Refusal {
  readonly status: number;
  /** A code of the catalogue, or one of the contract's own; undefined when the body has another shape. */
  readonly code: string | undefined;
  readonly message: string;
  readonly body: ErrorBody | undefined;
}

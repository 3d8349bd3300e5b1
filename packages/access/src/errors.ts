/** What code or a caller got wrong; the message names it. */
export type AccessErrorCode =
  /** A reader that is none, or too many of them. */
  | 'ReaderInvalid'
  /** A row is to be written and nobody said who may see it. */
  | 'AudienceMissing'
  /** An audience that would let in somebody whom it must not. */
  | 'AudienceTooWide'
  /** A row is kept by nodes of its parties, and none of them has handed it over. */
  | 'ParcelsAway'
  /** An audience that began anew, for which somebody else has to write first. */
  | 'KeyToCome'
  /** A transaction with more parts, or claims with more fields, than fit. */
  | 'TooMuch'
  /** A presentation, or a disclosed field, that does not belong to the claims it is shown with. */
  | 'DisclosureInvalid';

/** The one error class of the room. Code that asked for what it must not have is told this, and nothing else. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly code: AccessErrorCode;

  constructor(code: AccessErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

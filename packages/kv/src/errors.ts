/** What a caller of the store can get wrong. */
export type KvErrorCode =
  | 'VersionNotRetained'
  | 'VersionNotNext'
  | 'TransactionFinished'
  | 'InvalidBytes'
  | 'InvalidUtf8'
  | 'InvalidRange'
  | 'InvalidReadSet'
  | 'MapNameTooLong'
  | 'KeyTooLong'
  | 'ValueTooLong'
  | 'TooManyMaps'
  | 'MapExists';

/** The only error this room throws; the message names the offending thing, never a key or a value. */
export class KvError extends Error {
  readonly code: KvErrorCode;

  constructor(code: KvErrorCode, message: string) {
    super(message);
    this.name = 'KvError';
    this.code = code;
  }
}

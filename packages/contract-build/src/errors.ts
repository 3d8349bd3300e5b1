/** Why a contract cannot be built. */
export type BuildErrorCode =
  | 'ContractMissing'
  | 'ContractInvalid'
  | 'TypesWrong'
  | 'BundlingFailed'
  | 'NotForSandbox';

/** Thrown for sources that do not become a bundle; the message names the file, and the way it came in. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly code: BuildErrorCode;

  constructor(code: BuildErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

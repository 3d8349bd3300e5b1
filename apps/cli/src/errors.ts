/** `Usage`: the command was not understood (exit code 2). `Failed`: what was asked did not work out (1). */
export type CliErrorCode = 'Usage' | 'Failed';

/** What commands throw to end with a message. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

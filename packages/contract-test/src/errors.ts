/** Why a test cannot go on. */
export type TestServiceErrorCode = 'ContractUnusable' | 'UnknownPerson' | 'NotCommitted';

/** Thrown for a contract that cannot run, and for what a test asks for in vain. */
export class TestServiceError extends Error {
  override readonly name = 'TestServiceError';
  readonly code: TestServiceErrorCode;

  constructor(code: TestServiceErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

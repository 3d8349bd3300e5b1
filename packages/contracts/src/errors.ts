/** Why contract code was refused. */
export type ContractErrorCode =
  | 'BundleInvalid'
  | 'LimitInvalid'
  | 'ModuleSyntax'
  | 'ModuleUnresolved'
  | 'EngineFailed'
  | 'AppDisposed';

/** Thrown for code, a bundle or a limit that cannot be used. `module` and `line` say where, when known. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
  readonly code: ContractErrorCode;
  readonly module: string | undefined;
  readonly line: number | undefined;

  constructor(code: ContractErrorCode, message: string, where: { module?: string; line?: number } = {}) {
    super(message);
    this.code = code;
    this.module = where.module;
    this.line = where.line;
  }
}

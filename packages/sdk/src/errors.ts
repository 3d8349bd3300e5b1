/** Why the SDK itself gave up: a mistake of the contract or of the place it runs in. */
export type SdkErrorCode = 'DeclarationInvalid' | 'SchemaUnusable' | 'KeyInvalid' | 'ServiceLacks';

/** Thrown for what an author has to change; callers see an internal error. */
export class SdkError extends Error {
  override readonly name = 'SdkError';
  readonly code: SdkErrorCode;

  constructor(code: SdkErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** One thing that is wrong, and where: `body.items[0].price`. */
export interface Detail {
  readonly target: string;
  readonly message: string;
}

/**
 * An answer that refuses. Throw it from wherever the refusal is known; nothing that was written counts.
 *
 * @example throw new Refusal(404, 'NoteNotFound', 'There is no note 7.');
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** What programs look at. */
  readonly code: string;
  readonly details: readonly Detail[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { readonly details?: readonly Detail[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = more.details ?? [];
    this.headers = more.headers ?? {};
  }
}

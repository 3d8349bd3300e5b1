/** Why bytes, a key or a signature were refused. */
export type CryptoErrorCode =
  | 'InvalidArgument'
  | 'InvalidEncoding'
  | 'InvalidKey'
  | 'MalformedCbor'
  | 'MalformedCose'
  | 'MalformedDer'
  | 'MalformedCertificate'
  | 'MalformedCsr'
  | 'MalformedJwk'
  | 'MalformedShare'
  | 'MalformedSignature'
  | 'SignatureInvalid'
  | 'DecryptionFailed'
  | 'NotIssuedBy'
  | 'NotTrusted'
  | 'Unsupported';

/** The only error this room throws. The message names the offending thing and never a secret. */
export class CryptoError extends Error {
  override readonly name = 'CryptoError';
  readonly code: CryptoErrorCode;

  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Runs `parse`, turning whatever a library throws about hostile bytes into one `CryptoError` of `code`. The
 * library's own error is not attached: it may quote the bytes it choked on, and those may be a private key.
 */
export function orMalformed<T>(code: CryptoErrorCode, message: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CryptoError) throw error;
    throw new CryptoError(code, message);
  }
}

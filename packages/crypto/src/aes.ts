import { type AesHandle, backend } from '#backend';
import { CryptoError } from './errors.ts';

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;

let handleOf: (key: AesKey) => AesHandle;

/**
 * An AES-256 key. Opaque: its bytes show in neither `toString`, JSON nor inspection. Made by `importAesKey`.
 */
export class AesKey {
  readonly #handle: AesHandle;

  constructor(handle: AesHandle) {
    this.#handle = handle;
  }

  static {
    handleOf = (key) => key.#handle;
  }
}

/** Takes 32 raw bytes (a copy is kept). Throws `InvalidKey` on another length. */
export function importAesKey(raw: Uint8Array): AesKey {
  if (raw.length !== keyBytes) {
    throw new CryptoError('InvalidKey', `AES-256 key of ${raw.length} bytes: expected ${keyBytes}`);
  }
  return new AesKey(backend.importAesKey(raw));
}

/** AES-256-GCM with a 16-byte tag. The 12-byte `iv` must never serve twice under one key. */
export function aesGcmSeal(
  key: AesKey,
  iv: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array,
): { ciphertext: Uint8Array; tag: Uint8Array } {
  checkIv(iv);
  return backend.aesGcmSeal(handleOf(key), iv, plaintext, aad);
}

/**
 * Opens what `aesGcmSeal` sealed. Throws `DecryptionFailed` when any of the inputs is not what it was then.
 */
export function aesGcmOpen(
  key: AesKey,
  iv: Uint8Array,
  ciphertext: Uint8Array,
  aad: Uint8Array,
  tag: Uint8Array,
): Uint8Array {
  checkIv(iv);
  if (tag.length !== tagBytes) {
    throw new CryptoError('DecryptionFailed', `GCM tag of ${tag.length} bytes: expected ${tagBytes}`);
  }
  const plaintext = backend.aesGcmOpen(handleOf(key), iv, ciphertext, aad, tag);
  if (plaintext === undefined) throw new CryptoError('DecryptionFailed', 'GCM tag does not match');
  return plaintext;
}

function checkIv(iv: Uint8Array): void {
  if (iv.length !== ivBytes) {
    throw new CryptoError(
      'InvalidArgument',
      `GCM initialisation vector of ${iv.length} bytes: expected ${ivBytes}`,
    );
  }
}

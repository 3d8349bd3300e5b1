import { type AesHandle, backend } from '#backend';
import type { BlockPermutation } from './backend/backend.ts';
import { CryptoError } from './errors.ts';

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;
const blockBytes = 16;

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
  requireKey(raw);
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

/**
 * AES-256 itself under one key: a secret permutation of 16-byte blocks. Not a way to encrypt content, since equal blocks
 * stay equal; it is for names that have to be deterministic and all different. The key shows in neither `toString`, JSON
 * nor inspection.
 */
export class BlockCipher {
  readonly #blocks: BlockPermutation;

  /** Takes 32 raw bytes. Throws `InvalidKey` on another length. */
  constructor(raw: Uint8Array) {
    requireKey(raw);
    this.#blocks = backend.aesBlocks(raw);
  }

  /** Each of the blocks by itself: many at once cost little more than one. Throws `InvalidArgument` unless they are whole. */
  encrypt(blocks: Uint8Array): Uint8Array {
    requireBlocks(blocks);
    return this.#blocks.encrypt(blocks);
  }

  /** Throws `InvalidArgument` unless it is given whole blocks. */
  decrypt(blocks: Uint8Array): Uint8Array {
    requireBlocks(blocks);
    return this.#blocks.decrypt(blocks);
  }
}

function requireKey(raw: Uint8Array): void {
  if (raw.length === keyBytes) return;
  throw new CryptoError('InvalidKey', `AES-256 key of ${raw.length} bytes: expected ${keyBytes}`);
}

function requireBlocks(blocks: Uint8Array): void {
  if (blocks.length % blockBytes === 0) return;
  throw new CryptoError(
    'InvalidArgument',
    `AES blocks of ${blocks.length} bytes: expected ${blockBytes} each`,
  );
}

function checkIv(iv: Uint8Array): void {
  if (iv.length !== ivBytes) {
    throw new CryptoError(
      'InvalidArgument',
      `GCM initialisation vector of ${iv.length} bytes: expected ${ivBytes}`,
    );
  }
}

import { backend } from '#backend';
import { concatBytes } from './encoding.ts';
import { CryptoError, orMalformed } from './errors.ts';
import { type PrivateKey, type PublicKey, privateHandle, publicHandle } from './keys.ts';

const noLabel = new Uint8Array(0);
const aesKeyBytes: readonly number[] = [16, 24, 32];

/** Encrypts with RSA-OAEP (SHA-256, MGF1 with SHA-256). `data` is at most the modulus less 66 bytes. */
export function rsaOaepWrap(key: PublicKey, data: Uint8Array, label: Uint8Array = noLabel): Uint8Array {
  if (key.kind !== 'RSA') throw new CryptoError('InvalidKey', `RSA-OAEP needs an RSA key, not ${key.kind}`);
  return orMalformed(
    'InvalidArgument',
    `cannot encrypt ${data.length} bytes with RSA-OAEP and this key`,
    () => backend.rsaOaepEncrypt(publicHandle(key), data, label),
  );
}

/** Decrypts RSA-OAEP with the same label. Throws `DecryptionFailed`. */
export function rsaOaepUnwrap(key: PrivateKey, wrapped: Uint8Array, label: Uint8Array = noLabel): Uint8Array {
  if (key.kind !== 'RSA') throw new CryptoError('InvalidKey', `RSA-OAEP needs an RSA key, not ${key.kind}`);
  return orMalformed('DecryptionFailed', 'RSA-OAEP decryption failed: other key, label or ciphertext', () =>
    backend.rsaOaepDecrypt(privateHandle(key), wrapped, label),
  );
}

/** Wraps key material under a raw AES key of 16, 24 or 32 bytes: AES key wrap with padding (RFC 5649). */
export function aesKwpWrap(wrappingKey: Uint8Array, data: Uint8Array): Uint8Array {
  checkAesKey(wrappingKey);
  if (data.length === 0) throw new CryptoError('InvalidArgument', 'AES-KWP cannot wrap zero bytes');
  return backend.aesKwpWrap(wrappingKey, data);
}

/** Unwraps RFC 5649. Throws `DecryptionFailed` when the integrity check does not hold. */
export function aesKwpUnwrap(wrappingKey: Uint8Array, wrapped: Uint8Array): Uint8Array {
  checkAesKey(wrappingKey);
  return orMalformed('DecryptionFailed', 'AES-KWP unwrapping failed: other key or damaged data', () => {
    if (wrapped.length < 16 || wrapped.length % 8 !== 0) throw new RangeError();
    return backend.aesKwpUnwrap(wrappingKey, wrapped);
  });
}

/**
 * Wraps key material of any length to an RSA key, as PKCS#11 CKM_RSA_AES_KEY_WRAP does: RSA-OAEP of a fresh
 * AES key, then AES-KWP of the data under it. `aesKey` is that fresh key, 16, 24 or 32 random bytes.
 */
export function rsaAesKwpWrap(
  key: PublicKey,
  data: Uint8Array,
  options: { readonly aesKey: Uint8Array; readonly label?: Uint8Array },
): Uint8Array {
  const wrappedKey = rsaOaepWrap(key, options.aesKey, options.label);
  return concatBytes(wrappedKey, aesKwpWrap(options.aesKey, data));
}

/** Unwraps what `rsaAesKwpWrap` made. Throws `DecryptionFailed`. */
export function rsaAesKwpUnwrap(key: PrivateKey, wrapped: Uint8Array, label?: Uint8Array): Uint8Array {
  const { type } = key.publicKey;
  if (type.kind !== 'RSA') throw new CryptoError('InvalidKey', `RSA-OAEP needs an RSA key, not ${type.kind}`);
  const rsaBytes = Math.ceil(type.bits / 8);
  const aesKey = rsaOaepUnwrap(key, wrapped.subarray(0, rsaBytes), label);
  if (!aesKeyBytes.includes(aesKey.length)) {
    throw new CryptoError('DecryptionFailed', 'RSA-OAEP holds no AES key');
  }
  return aesKwpUnwrap(aesKey, wrapped.subarray(rsaBytes));
}

function checkAesKey(key: Uint8Array): void {
  if (!aesKeyBytes.includes(key.length)) {
    throw new CryptoError('InvalidKey', `AES wrapping key of ${key.length} bytes: expected 16, 24 or 32`);
  }
}

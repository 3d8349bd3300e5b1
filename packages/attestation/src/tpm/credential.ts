import { concatBytes, hmacSha256, type PublicKey, rsaOaepWrap } from '@coco/crypto';
import { cfb } from '@noble/ciphers/aes.js';
import { insist } from '../errors.ts';

/** Lengths of the default endorsement key's scheme: AES-128 and SHA-256. */
const seedBytes = 32;
const aesKeyBits = 128;
const macKeyBits = 256;

/** A secret that one TPM gives back, and only for one of its keys. */
export interface Credential {
  /** TPM2B_ID_OBJECT. */
  readonly idObject: Uint8Array;
  /** TPM2B_ENCRYPTED_SECRET. */
  readonly encryptedSeed: Uint8Array;
}

/**
 * TPM2_MakeCredential (TPM 2.0 Library, part 1, 24): encrypts `secret` so that only the TPM that owns the
 * endorsement key gives it back, and only if the key of that name is in the same TPM. A verifier sends the
 * result, and keeps the secret to compare. `seed` is 32 random bytes.
 */
export function makeCredential(
  endorsementKey: PublicKey,
  attestationKeyName: Uint8Array,
  secret: Uint8Array,
  seed: Uint8Array,
): Credential {
  insist(seed.length === seedBytes, `the seed has ${seed.length} bytes, not ${seedBytes}`);
  insist(secret.length >= 1 && secret.length <= 32, `the secret has ${secret.length} bytes: at most 32`);
  const encryptedSeed = rsaOaepWrap(endorsementKey, seed, text('IDENTITY\0'));
  const storageKey = kdfa(seed, 'STORAGE', attestationKeyName, aesKeyBits);
  const encrypted = cfb(storageKey, new Uint8Array(16)).encrypt(sized(secret));
  const integrityKey = kdfa(seed, 'INTEGRITY', new Uint8Array(0), macKeyBits);
  const mac = hmacSha256(integrityKey, concatBytes(encrypted, attestationKeyName));
  return { idObject: sized(concatBytes(sized(mac), encrypted)), encryptedSeed: sized(encryptedSeed) };
}

/** KDFa with SHA-256 (TPM 2.0 Library, part 1, 11.4.10.2), for outputs of one block. */
function kdfa(key: Uint8Array, label: string, contextU: Uint8Array, bits: number): Uint8Array {
  const counter = Uint8Array.of(0, 0, 0, 1);
  const length = Uint8Array.of(0, 0, bits >> 8, bits & 0xff);
  return hmacSha256(key, concatBytes(counter, text(`${label}\0`), contextU, length)).subarray(0, bits / 8);
}

function sized(bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

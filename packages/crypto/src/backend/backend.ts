import type { ByteString } from '../encoding.ts';

export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512';
export type Curve = 'P-256' | 'P-384' | 'P-521';
export type KeyKind = 'EC' | 'RSA' | 'Ed25519' | 'X25519';

/** What a public key is, as far as algorithms are chosen by it. `bits` is the size of the modulus. */
export type KeyType =
  | { readonly kind: 'EC'; readonly curve: Curve }
  | { readonly kind: 'RSA'; readonly bits: number }
  | { readonly kind: 'Ed25519' }
  | { readonly kind: 'X25519' };

/** What to generate. The exponent of RSA is 65537 unless told. */
export type KeySpec =
  | { readonly kind: 'EC'; readonly curve: Curve }
  | { readonly kind: 'RSA'; readonly bits: number; readonly exponent?: number }
  | { readonly kind: 'Ed25519' }
  | { readonly kind: 'X25519' };

/** A key as the backend holds it, with what it is and its canonical SubjectPublicKeyInfo. */
export interface Held<Handle> {
  readonly handle: Handle;
  readonly type: KeyType;
  readonly spki: Uint8Array;
}

/** Signature schemes. `saltLength` in bytes; in verification 'auto' accepts any. */
export type Scheme =
  | { readonly name: 'ECDSA'; readonly hash: HashName }
  | { readonly name: 'RSA-PSS'; readonly hash: HashName; readonly saltLength: number | 'auto' }
  | { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: HashName }
  | { readonly name: 'EdDSA' };

/** A block cipher under one key: blocks of 16 bytes, each by itself. */
export interface BlockPermutation {
  encrypt(blocks: Uint8Array): Uint8Array;
  decrypt(blocks: Uint8Array): Uint8Array;
}

/**
 * The primitives, in two editions: node.ts over OpenSSL, and portable.ts over the noble libraries for
 * browsers. Formats (PEM, X.509, COSE, JWK) stand on this surface and exist once. ECDSA signatures cross it
 * as r || s (IEEE P1363); verification answers with a boolean here and becomes an error above. Bytes that
 * come out are fresh `Uint8Array`s.
 */
export interface Backend<Public, Private, Aes> {
  readonly name: 'node' | 'portable';
  digest(hash: HashName, data: Uint8Array): Uint8Array;
  byteStringOf(bytes: Uint8Array): ByteString;
  /** Into `target` from `at` on, where it must have room. Characters above 255 are a mistake that is not looked for. */
  writeByteString(text: ByteString, target: Uint8Array, at: number): void;
  sha256ByteString(data: Uint8Array | ByteString): ByteString;
  hmac(hash: HashName, key: Uint8Array, data: Uint8Array): Uint8Array;
  hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean;

  importAesKey(raw: Uint8Array): Aes;
  aesGcmSeal(
    key: Aes,
    iv: Uint8Array,
    plaintext: Uint8Array,
    aad: Uint8Array,
  ): { ciphertext: Uint8Array; tag: Uint8Array };
  /** Undefined when the tag does not fit. */
  aesGcmOpen(
    key: Aes,
    iv: Uint8Array,
    ciphertext: Uint8Array,
    aad: Uint8Array,
    tag: Uint8Array,
  ): Uint8Array | undefined;
  aesBlocks(key: Uint8Array): BlockPermutation;
  aesKwpWrap(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Throws when the integrity check fails. */
  aesKwpUnwrap(key: Uint8Array, wrapped: Uint8Array): Uint8Array;

  /** Throws when the bytes are no key of a supported kind. */
  importPublicKey(spki: Uint8Array): Held<Public>;
  importPrivateKey(pkcs8: Uint8Array): Held<Private>;
  exportPrivateKey(key: Private): Uint8Array;
  generatePrivateKey(spec: KeySpec): Held<Private>;

  sign(key: Private, scheme: Scheme, data: Uint8Array): Uint8Array;
  verify(key: Public, scheme: Scheme, signature: Uint8Array, data: Uint8Array): boolean;
  /**
   * ECDSA over a digest that is already there. `key` is the canonical SPKI's point on `curve`, uncompressed.
   */
  verifyEcdsaDigest(curve: Curve, point: Uint8Array, signature: Uint8Array, digest: Uint8Array): boolean;

  rsaOaepEncrypt(key: Public, data: Uint8Array, label: Uint8Array): Uint8Array;
  /** Throws when the padding does not fit. */
  rsaOaepDecrypt(key: Private, ciphertext: Uint8Array, label: Uint8Array): Uint8Array;
}

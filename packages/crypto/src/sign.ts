import { backend } from '#backend';
import type { Curve, HashName, KeyKind, Scheme } from './backend/backend.ts';
import { curves, pointBytes } from './curves.ts';
import { readTwoIntegers, writeTwoIntegers } from './der.ts';
import { CryptoError, orMalformed } from './errors.ts';
import { type PrivateKey, type PublicKey, privateHandle, publicHandle } from './keys.ts';

/**
 * How an ECDSA signature is written: the DER of X.509 and receipts, or r || s of COSE, JOSE and Web
 * Cryptography.
 */
export type EcdsaFormat = 'der' | 'p1363';

export interface EcdsaOptions {
  readonly hash: HashName;
  readonly format: EcdsaFormat;
}

/** Signs the bytes with ECDSA, hashing them with `hash`. Throws `InvalidKey` when the key is not EC. */
export function signEcdsa(key: PrivateKey, data: Uint8Array, options: EcdsaOptions): Uint8Array {
  const curve = curveOf(key.publicKey);
  const signature = sign(key, { name: 'ECDSA', hash: options.hash }, data);
  return options.format === 'der' ? ecdsaToDer(signature, curve) : signature;
}

/**
 * Verifies an ECDSA signature over the bytes. Throws `MalformedSignature` when it is no signature at all, and
 * `SignatureInvalid` when it is not this key's over these bytes.
 */
export function verifyEcdsa(
  key: PublicKey,
  signature: Uint8Array,
  data: Uint8Array,
  options: EcdsaOptions,
): void {
  verify(key, { name: 'ECDSA', hash: options.hash }, toP1363(signature, curveOf(key), options.format), data);
}

/**
 * Verifies a DER ECDSA signature over a digest that was computed before, of any length: a P-384 key over a
 * SHA-256 digest is how receipts are signed on that curve. When the bytes under the digest are at hand,
 * `verifyEcdsa` over them says the same and is faster.
 */
export function verifyEcdsaDigest(key: PublicKey, signature: Uint8Array, digest: Uint8Array): void {
  const curve = curveOf(key);
  const compact = toP1363(signature, curve, 'der');
  const point = key.spki.subarray(key.spki.length - pointBytes(curve));
  if (!backend.verifyEcdsaDigest(curve, point, compact, digest)) throw invalid('ECDSA');
}

export interface RsaOptions {
  readonly hash: HashName;
}

export interface RsaPssOptions extends RsaOptions {
  /** Salt length in bytes. A verifier may accept any with 'auto'. */
  readonly saltLength: number | 'auto';
}

/** Signs the bytes with RSASSA-PSS; the mask uses the same hash. */
export function signRsaPss(
  key: PrivateKey,
  data: Uint8Array,
  options: RsaOptions & { readonly saltLength: number },
): Uint8Array {
  return sign(key, { name: 'RSA-PSS', ...options }, data);
}

/** Verifies RSASSA-PSS. Throws `SignatureInvalid`. */
export function verifyRsaPss(
  key: PublicKey,
  signature: Uint8Array,
  data: Uint8Array,
  options: RsaPssOptions,
): void {
  verify(key, { name: 'RSA-PSS', ...options }, signature, data);
}

/** Signs the bytes with RSASSA-PKCS1-v1_5: the RS256 of JSON Web Tokens, with SHA-256. */
export function signRsaPkcs1(key: PrivateKey, data: Uint8Array, options: RsaOptions): Uint8Array {
  return sign(key, { name: 'RSASSA-PKCS1-v1_5', ...options }, data);
}

/** Verifies RSASSA-PKCS1-v1_5. Throws `SignatureInvalid`. */
export function verifyRsaPkcs1(
  key: PublicKey,
  signature: Uint8Array,
  data: Uint8Array,
  options: RsaOptions,
): void {
  verify(key, { name: 'RSASSA-PKCS1-v1_5', ...options }, signature, data);
}

/** Signs the bytes with Ed25519 (RFC 8032): 64 bytes. */
export function signEddsa(key: PrivateKey, data: Uint8Array): Uint8Array {
  return sign(key, { name: 'EdDSA' }, data);
}

/** Verifies an Ed25519 signature. Throws `SignatureInvalid`. */
export function verifyEddsa(key: PublicKey, signature: Uint8Array, data: Uint8Array): void {
  verify(key, { name: 'EdDSA' }, signature, data);
}

/** Signs by a scheme chosen as data, as certificate and COSE algorithms are. ECDSA gives r || s. */
export function sign(key: PrivateKey, scheme: Scheme, data: Uint8Array): Uint8Array {
  checkKind(key.kind, scheme);
  return orMalformed('InvalidArgument', `cannot sign with ${scheme.name} and this key`, () =>
    backend.sign(privateHandle(key), scheme, data),
  );
}

/** Verifies by a scheme chosen as data; ECDSA takes r || s. Throws `SignatureInvalid`. */
export function verify(key: PublicKey, scheme: Scheme, signature: Uint8Array, data: Uint8Array): void {
  checkKind(key.kind, scheme);
  const valid = orMalformed('MalformedSignature', `not a ${scheme.name} signature`, () =>
    backend.verify(publicHandle(key), scheme, signature, data),
  );
  if (!valid) throw invalid(scheme.name);
}

/** Rewrites an ECDSA signature from r || s to DER. Throws `MalformedSignature`. */
export function ecdsaToDer(signature: Uint8Array, curve: Curve): Uint8Array {
  const size = curves[curve].coordinateBytes;
  checkP1363(signature, curve);
  return writeTwoIntegers(signature.subarray(0, size), signature.subarray(size));
}

/** Rewrites an ECDSA signature from strict DER to r || s. Throws `MalformedSignature`. */
export function ecdsaFromDer(der: Uint8Array, curve: Curve): Uint8Array {
  const size = curves[curve].coordinateBytes;
  let integers: readonly [Uint8Array, Uint8Array];
  try {
    integers = readTwoIntegers(der);
  } catch {
    throw new CryptoError('MalformedSignature', 'ECDSA signature is not strict DER');
  }
  const [r, s] = integers;
  if (r.length > size || s.length > size) {
    throw new CryptoError('MalformedSignature', `ECDSA signature is too long for ${curve}`);
  }
  const signature = new Uint8Array(2 * size);
  signature.set(r, size - r.length);
  signature.set(s, 2 * size - s.length);
  return signature;
}

function toP1363(signature: Uint8Array, curve: Curve, format: EcdsaFormat): Uint8Array {
  if (format === 'der') return ecdsaFromDer(signature, curve);
  checkP1363(signature, curve);
  return signature;
}

function checkP1363(signature: Uint8Array, curve: Curve): void {
  const expected = 2 * curves[curve].coordinateBytes;
  if (signature.length !== expected) {
    throw new CryptoError(
      'MalformedSignature',
      `${curve} signature of ${signature.length} bytes: expected ${expected}`,
    );
  }
}

const kindOfScheme: Readonly<Record<Scheme['name'], KeyKind>> = {
  ECDSA: 'EC',
  'RSA-PSS': 'RSA',
  'RSASSA-PKCS1-v1_5': 'RSA',
  EdDSA: 'Ed25519',
};

function checkKind(kind: KeyKind, scheme: Scheme): void {
  const expected = kindOfScheme[scheme.name];
  if (kind !== expected)
    throw new CryptoError('InvalidKey', `${scheme.name} needs an ${expected} key, not ${kind}`);
}

function curveOf(key: PublicKey): Curve {
  if (key.curve === undefined) throw new CryptoError('InvalidKey', `ECDSA needs an EC key, not ${key.kind}`);
  return key.curve;
}

function invalid(name: string): CryptoError {
  return new CryptoError('SignatureInvalid', `${name} signature does not verify`);
}

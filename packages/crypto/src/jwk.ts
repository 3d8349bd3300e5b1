import { ECPrivateKey } from '@peculiar/asn1-ecc';
import { PrivateKeyInfo } from '@peculiar/asn1-pkcs8';
import { RSAPrivateKey, RSAPublicKey } from '@peculiar/asn1-rsa';
import { SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import type { Curve, KeyKind } from './backend/backend.ts';
import { curves } from './curves.ts';
import { parseDer, serializeDer } from './der.ts';
import { concatBytes, equalBytes, fromBase64Url, toBase64Url } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { ecPkcs8, ecSpki, okpKeyBytes, okpPkcs8, okpSpki, rsaPkcs8, rsaSpki } from './key-info.ts';
import {
  importPrivateKey,
  importPublicKey,
  type PrivateKey,
  type PublicKey,
  privateKeyFromPkcs8,
} from './keys.ts';
import { singlePem } from './pem.ts';

/** A JSON Web Key (RFC 7517) with the members used here; each is base64url but the first three. */
export interface Jwk {
  readonly kty: string;
  readonly kid?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly d?: string;
  readonly n?: string;
  readonly e?: string;
  readonly p?: string;
  readonly q?: string;
  readonly dp?: string;
  readonly dq?: string;
  readonly qi?: string;
}

const uncompressedPoint = 0x04;

/** The JWK of a public key. */
export function publicKeyToJwk(key: PublicKey, kid?: string): Jwk {
  const info = parseDer(key.spki, SubjectPublicKeyInfo, 'InvalidKey', 'public key');
  const bits = new Uint8Array(info.subjectPublicKey);
  const named = kid === undefined ? {} : { kid };
  const { type } = key;
  switch (type.kind) {
    case 'EC': {
      const size = curves[type.curve].coordinateBytes;
      const [x, y] = [bits.subarray(1, 1 + size), bits.subarray(1 + size)];
      return { kty: 'EC', ...named, crv: type.curve, x: toBase64Url(x), y: toBase64Url(y) };
    }
    case 'RSA': {
      const rsa = parseDer(bits, RSAPublicKey, 'InvalidKey', 'RSA public key');
      return { kty: 'RSA', ...named, n: fromInteger(rsa.modulus), e: fromInteger(rsa.publicExponent) };
    }
    case 'Ed25519':
    case 'X25519':
      return { kty: 'OKP', ...named, crv: type.kind, x: toBase64Url(bits) };
  }
}

/** The JWK of a private key: it holds the secret. */
export function privateKeyToJwk(key: PrivateKey, kid?: string): Jwk {
  const { der } = singlePem(key.exportPem(), 'PRIVATE KEY');
  const { privateKey } = parseDer(der, PrivateKeyInfo, 'InvalidKey', 'private key');
  const secret = new Uint8Array(privateKey.buffer);
  const publicJwk = publicKeyToJwk(key.publicKey, kid);
  switch (key.kind) {
    case 'EC': {
      const { privateKey: scalar } = parseDer(secret, ECPrivateKey, 'InvalidKey', 'EC private key');
      return { ...publicJwk, d: toBase64Url(new Uint8Array(scalar.buffer)) };
    }
    case 'RSA': {
      const rsa = parseDer(secret, RSAPrivateKey, 'InvalidKey', 'RSA private key');
      return {
        ...publicJwk,
        d: fromInteger(rsa.privateExponent),
        p: fromInteger(rsa.prime1),
        q: fromInteger(rsa.prime2),
        dp: fromInteger(rsa.exponent1),
        dq: fromInteger(rsa.exponent2),
        qi: fromInteger(rsa.coefficient),
      };
    }
    case 'Ed25519':
    case 'X25519':
      return { ...publicJwk, d: toBase64Url(secret.subarray(secret.length - okpKeyBytes)) };
  }
}

/** Reads a public JWK; private members are ignored. Throws `MalformedJwk`, `InvalidKey` or `Unsupported`. */
export function publicKeyFromJwk(jwk: Jwk): PublicKey {
  switch (jwk.kty) {
    case 'EC': {
      const curve = curveOf(jwk);
      return importPublicKey(ecSpki(curve, pointOf(jwk, curve)));
    }
    case 'RSA': {
      const key = new RSAPublicKey({ modulus: toInteger(jwk, 'n'), publicExponent: toInteger(jwk, 'e') });
      return importPublicKey(rsaSpki(serializeDer(key)));
    }
    case 'OKP':
      return importPublicKey(okpSpki(okpKind(jwk), fixed(jwk, 'x', okpKeyBytes)));
    default:
      throw unsupportedType(jwk);
  }
}

/**
 * Reads a private JWK, whose public members must be those of the same key. Throws as `publicKeyFromJwk` does.
 */
export function privateKeyFromJwk(jwk: Jwk): PrivateKey {
  const key = privateKeyFromPkcs8(pkcs8FromJwk(jwk));
  if (!equalBytes(key.publicKey.spki, publicKeyFromJwk(jwk).spki)) {
    throw new CryptoError('InvalidKey', 'JWK: its public part is not that of its private part');
  }
  return key;
}

function pkcs8FromJwk(jwk: Jwk): Uint8Array {
  switch (jwk.kty) {
    case 'EC': {
      const curve = curveOf(jwk);
      const scalar = fixed(jwk, 'd', curves[curve].coordinateBytes);
      return ecPkcs8(curve, scalar, pointOf(jwk, curve));
    }
    case 'RSA': {
      const key = new RSAPrivateKey({
        version: 0,
        modulus: toInteger(jwk, 'n'),
        publicExponent: toInteger(jwk, 'e'),
        privateExponent: toInteger(jwk, 'd'),
        prime1: toInteger(jwk, 'p'),
        prime2: toInteger(jwk, 'q'),
        exponent1: toInteger(jwk, 'dp'),
        exponent2: toInteger(jwk, 'dq'),
        coefficient: toInteger(jwk, 'qi'),
      });
      return rsaPkcs8(serializeDer(key));
    }
    case 'OKP':
      return okpPkcs8(okpKind(jwk), fixed(jwk, 'd', okpKeyBytes));
    default:
      throw unsupportedType(jwk);
  }
}

function curveOf(jwk: Jwk): Curve {
  const curve = jwk.crv;
  if (curve === 'P-256' || curve === 'P-384' || curve === 'P-521') return curve;
  throw new CryptoError('Unsupported', `JWK member crv "${curve}": expected P-256, P-384 or P-521`);
}

function okpKind(jwk: Jwk): 'Ed25519' | 'X25519' {
  if (jwk.crv === 'Ed25519' || jwk.crv === 'X25519') return jwk.crv;
  throw new CryptoError('Unsupported', `JWK member crv "${jwk.crv}": expected Ed25519 or X25519`);
}

function pointOf(jwk: Jwk, curve: Curve): Uint8Array<ArrayBuffer> {
  const size = curves[curve].coordinateBytes;
  return concatBytes(Uint8Array.of(uncompressedPoint), fixed(jwk, 'x', size), fixed(jwk, 'y', size));
}

function unsupportedType(jwk: Jwk): CryptoError {
  return new CryptoError('Unsupported', `JWK member kty "${jwk.kty}": expected EC, RSA or OKP`);
}

function member(jwk: Jwk, name: keyof Jwk): Uint8Array {
  const text: unknown = jwk[name];
  if (typeof text !== 'string') throw new CryptoError('MalformedJwk', `JWK member ${name} is missing`);
  try {
    return fromBase64Url(text);
  } catch {
    throw new CryptoError('MalformedJwk', `JWK member ${name} is not base64url`);
  }
}

function fixed(jwk: Jwk, name: keyof Jwk, length: number): Uint8Array<ArrayBuffer> {
  const bytes = member(jwk, name);
  if (bytes.length === length) return Uint8Array.from(bytes);
  throw new CryptoError('MalformedJwk', `JWK member ${name} of ${bytes.length} bytes: expected ${length}`);
}

/** Big-endian without leading zeros, as RFC 7518 (6.3.1.1) writes integers, from DER's signed form. */
function fromInteger(der: ArrayBuffer): string {
  const bytes = new Uint8Array(der);
  return toBase64Url(bytes[0] === 0 ? bytes.subarray(1) : bytes);
}

function toInteger(jwk: Jwk, name: keyof Jwk): ArrayBuffer {
  const bytes = member(jwk, name);
  const start = bytes.findIndex((byte) => byte !== 0);
  if (start === -1) throw new CryptoError('MalformedJwk', `JWK member ${name} is zero`);
  const shortest = bytes.subarray(start);
  return concatBytes(Uint8Array.of(...(shortest[0]! >= 0x80 ? [0] : [])), shortest).buffer;
}

/*
 * The same conversions from PEM to JWK and back under the names of CCF's JavaScript API, each for one kind of
 * key.
 */
export const pubPemToJwk = publicPemToJwk('EC');
export const pubRsaPemToJwk = publicPemToJwk('RSA');
export const pubEddsaPemToJwk = publicPemToJwk('Ed25519', 'X25519');
export const pemToJwk = privatePemToJwk('EC');
export const rsaPemToJwk = privatePemToJwk('RSA');
export const eddsaPemToJwk = privatePemToJwk('Ed25519', 'X25519');
export const pubJwkToPem = publicJwkToPem('EC');
export const pubRsaJwkToPem = publicJwkToPem('RSA');
export const pubEddsaJwkToPem = publicJwkToPem('OKP');
export const jwkToPem = privateJwkToPem('EC');
export const rsaJwkToPem = privateJwkToPem('RSA');
export const eddsaJwkToPem = privateJwkToPem('OKP');

function publicPemToJwk(...kinds: readonly KeyKind[]): (pem: string, kid?: string) => Jwk {
  return (pem, kid) => publicKeyToJwk(ofKind(importPublicKey(pem), kinds), kid);
}

function privatePemToJwk(...kinds: readonly KeyKind[]): (pem: string, kid?: string) => Jwk {
  return (pem, kid) => privateKeyToJwk(ofKind(importPrivateKey(pem), kinds), kid);
}

function publicJwkToPem(kty: string): (jwk: Jwk) => string {
  return (jwk) => publicKeyFromJwk(ofType(jwk, kty)).pem;
}

function privateJwkToPem(kty: string): (jwk: Jwk) => string {
  return (jwk) => privateKeyFromJwk(ofType(jwk, kty)).exportPem();
}

function ofKind<Key extends { readonly kind: KeyKind }>(key: Key, kinds: readonly KeyKind[]): Key {
  if (kinds.includes(key.kind)) return key;
  throw new CryptoError('InvalidKey', `key of kind ${key.kind}: expected ${kinds.join(' or ')}`);
}

function ofType(jwk: Jwk, kty: string): Jwk {
  if (jwk.kty === kty) return jwk;
  throw new CryptoError('MalformedJwk', `JWK member kty "${jwk.kty}": expected ${kty}`);
}

import { aeskwp, ecb, gcm } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { ECParameters, ECPrivateKey, id_ecPublicKey } from '@peculiar/asn1-ecc';
import { PrivateKeyInfo } from '@peculiar/asn1-pkcs8';
import { id_RSASSA_PSS, id_rsaEncryption, RSAPublicKey } from '@peculiar/asn1-rsa';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { type AlgorithmIdentifier, SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import { mgf1, OAEP, PKCS1_SHA256, PKCS1_SHA384, PKCS1_SHA512, PSS } from 'micro-rsa-dsa-dh/rsa.js';
import { curveOfOid, pointBytes } from '../curves.ts';
import { type ByteString, bytesOf, equalBytes, writeByteString } from '../encoding.ts';
import { CryptoError } from '../errors.ts';
import { ecPkcs8, ecSpki, okpKeyBytes, okpOids, okpPkcs8, okpSpki } from '../key-info.ts';
import type { Backend, Curve, HashName, Held, KeySpec, KeyType, Scheme } from './backend.ts';
import { nobleCurves, verifyDigest } from './ecdsa-digest.ts';

/** A public key: a point, an Edwards or Montgomery coordinate, or the numbers of RSA. */
export type PublicHandle =
  | { readonly kind: 'EC'; readonly curve: Curve; readonly point: Uint8Array }
  | { readonly kind: 'RSA'; readonly n: bigint; readonly e: bigint }
  | { readonly kind: 'Ed25519' | 'X25519'; readonly bytes: Uint8Array };

/** A private key, its secret where neither `toString`, JSON nor inspection looks. RSA has none here. */
export class PrivateHandle {
  readonly type: KeyType;
  readonly #secret: Uint8Array;

  constructor(type: KeyType, secret: Uint8Array) {
    this.type = type;
    this.#secret = secret;
  }

  reveal(): Uint8Array {
    return this.#secret;
  }
}

/** An AES key, likewise. */
export class AesHandle {
  readonly #raw: Uint8Array;

  constructor(raw: Uint8Array) {
    this.#raw = raw;
  }

  reveal(): Uint8Array {
    return this.#raw;
  }
}

const hashes = { 'SHA-256': sha256, 'SHA-384': sha384, 'SHA-512': sha512 } as const;
const pkcs1 = { 'SHA-256': PKCS1_SHA256, 'SHA-384': PKCS1_SHA384, 'SHA-512': PKCS1_SHA512 } as const;
const tagBytes = 16;
/** A longer public exponent only serves to make verification slow. OpenSSL has the same bound. */
const exponentBitsMax = 64;

/** Arguments of one `String.fromCharCode` call: engines bound the stack they may take. */
const charactersPerCall = 4096;

function byteStringOf(bytes: Uint8Array): ByteString {
  let text = '';
  for (let start = 0; start < bytes.length; start += charactersPerCall)
    text += String.fromCharCode(...bytes.subarray(start, start + charactersPerCall));
  return text;
}

/** JavaScript big numbers take a time that depends on their value: good enough for public keys only. */
function noRsaSecrets(): never {
  throw new CryptoError('Unsupported', 'RSA private keys are not used outside Node.js');
}

function importPublicKey(der: Uint8Array): Held<PublicHandle> {
  const { algorithm, subjectPublicKey } = AsnConvert.parse(der, SubjectPublicKeyInfo);
  const key = new Uint8Array(subjectPublicKey);
  switch (algorithm.algorithm) {
    case id_ecPublicKey: {
      const curve = namedCurve(algorithm);
      return heldPoint(curve, nobleCurves[curve].Point.fromBytes(key).toBytes(false));
    }
    case id_rsaEncryption:
    case id_RSASSA_PSS:
      return heldRsa(der, AsnConvert.parse(key, RSAPublicKey));
    case okpOids.Ed25519:
      return heldOkp('Ed25519', key);
    case okpOids.X25519:
      return heldOkp('X25519', key);
    default:
      throw new CryptoError('Unsupported', `keys of type ${algorithm.algorithm} are not supported`);
  }
}

function heldPoint(curve: Curve, point: Uint8Array): Held<PublicHandle> {
  return { handle: { kind: 'EC', curve, point }, type: { kind: 'EC', curve }, spki: ecSpki(curve, point) };
}

function heldRsa(der: Uint8Array, key: RSAPublicKey): Held<PublicHandle> {
  const n = toBigint(key.modulus);
  const e = toBigint(key.publicExponent);
  if (e.toString(2).length > exponentBitsMax)
    throw new CryptoError('Unsupported', 'RSA exponent is too large');
  const type = { kind: 'RSA', bits: n.toString(2).length } as const;
  return { handle: { kind: 'RSA', n, e }, type, spki: Uint8Array.from(der) };
}

function heldOkp(kind: 'Ed25519' | 'X25519', bytes: Uint8Array): Held<PublicHandle> {
  if (bytes.length !== okpKeyBytes)
    throw new CryptoError('InvalidKey', `${kind} key of ${bytes.length} bytes`);
  return { handle: { kind, bytes }, type: { kind }, spki: okpSpki(kind, bytes) };
}

function namedCurve(algorithm: AlgorithmIdentifier): Curve {
  const { namedCurve } = AsnConvert.parse(algorithm.parameters ?? new ArrayBuffer(0), ECParameters);
  const curve = curveOfOid(namedCurve ?? '');
  if (curve === undefined)
    throw new CryptoError('Unsupported', 'elliptic curve is not P-256, P-384 or P-521');
  return curve;
}

function toBigint(bytes: ArrayBuffer): bigint {
  return BigInt(`0x0${new Uint8Array(bytes).toHex()}`);
}

function importPrivateKey(der: Uint8Array): Held<PrivateHandle> {
  const { privateKeyAlgorithm, privateKey } = AsnConvert.parse(der, PrivateKeyInfo);
  switch (privateKeyAlgorithm.algorithm) {
    case id_ecPublicKey: {
      const curve = namedCurve(privateKeyAlgorithm);
      const key = AsnConvert.parse(privateKey.buffer, ECPrivateKey);
      const held = heldPrivate({ kind: 'EC', curve }, new Uint8Array(key.privateKey.buffer));
      const point = held.spki.subarray(-pointBytes(curve));
      if (key.publicKey !== undefined && !equalBytes(new Uint8Array(key.publicKey), point)) {
        throw new CryptoError('InvalidKey', 'public part of the private key is not its own');
      }
      return held;
    }
    case id_rsaEncryption:
      return noRsaSecrets();
    case okpOids.Ed25519:
      return heldPrivate({ kind: 'Ed25519' }, okpSecret(privateKey.buffer));
    case okpOids.X25519:
      return heldPrivate({ kind: 'X25519' }, okpSecret(privateKey.buffer));
    default:
      throw new CryptoError('Unsupported', `keys of type ${privateKeyAlgorithm.algorithm} are not supported`);
  }
}

function okpSecret(octets: ArrayBuffer): Uint8Array {
  return new Uint8Array(AsnConvert.parse(octets, OctetString).buffer);
}

function heldPrivate(type: KeyType, secret: Uint8Array): Held<PrivateHandle> {
  return { handle: new PrivateHandle(type, secret), type, spki: publicSpki(type, secret) };
}

function publicSpki(type: KeyType, secret: Uint8Array): Uint8Array {
  switch (type.kind) {
    case 'EC':
      return ecSpki(type.curve, nobleCurves[type.curve].getPublicKey(secret, false));
    case 'Ed25519':
      return okpSpki('Ed25519', ed25519.getPublicKey(secret));
    case 'X25519':
      return okpSpki('X25519', x25519.getPublicKey(secret));
    case 'RSA':
      return noRsaSecrets();
  }
}

function exportPrivateKey(key: PrivateHandle): Uint8Array {
  const { type } = key;
  const secret = key.reveal();
  switch (type.kind) {
    case 'EC':
      return ecPkcs8(type.curve, secret, nobleCurves[type.curve].getPublicKey(secret, false));
    case 'Ed25519':
    case 'X25519':
      return okpPkcs8(type.kind, secret);
    case 'RSA':
      return noRsaSecrets();
  }
}

function generatePrivateKey(spec: KeySpec): Held<PrivateHandle> {
  switch (spec.kind) {
    case 'EC':
      return heldPrivate(spec, nobleCurves[spec.curve].utils.randomSecretKey());
    case 'Ed25519':
      return heldPrivate(spec, ed25519.utils.randomSecretKey());
    case 'X25519':
      return heldPrivate(spec, x25519.utils.randomSecretKey());
    case 'RSA':
      return noRsaSecrets();
  }
}

function sign(key: PrivateHandle, scheme: Scheme, data: Uint8Array): Uint8Array {
  const { type } = key;
  if (scheme.name === 'EdDSA') return ed25519.sign(data, key.reveal());
  if (scheme.name !== 'ECDSA' || type.kind !== 'EC') return noRsaSecrets();
  const options = { prehash: false, lowS: false, format: 'compact', extraEntropy: true } as const;
  return nobleCurves[type.curve].sign(hashes[scheme.hash](data), key.reveal(), options);
}

function verify(key: PublicHandle, scheme: Scheme, signature: Uint8Array, data: Uint8Array): boolean {
  switch (key.kind) {
    case 'EC':
      return (
        scheme.name === 'ECDSA' && verifyDigest(key.curve, key.point, signature, hashes[scheme.hash](data))
      );
    case 'RSA':
      return verifyRsa(key, scheme, signature, data);
    case 'Ed25519':
      // Without the cofactor, as RFC 8032 allows and OpenSSL does: one answer from both backends.
      return ed25519.verify(signature, data, key.bytes, { zip215: false });
    case 'X25519':
      return false;
  }
}

function verifyRsa(
  key: { readonly n: bigint; readonly e: bigint },
  scheme: Scheme,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  if (scheme.name === 'RSASSA-PKCS1-v1_5') return pkcs1[scheme.hash].verify(key, data, signature);
  if (scheme.name !== 'RSA-PSS') return false;
  if (scheme.saltLength === 'auto') {
    throw new CryptoError('Unsupported', 'RSASSA-PSS outside Node.js needs the salt length');
  }
  const hash = hashes[scheme.hash];
  return PSS(hash, mgf1(hash), scheme.saltLength).verify(key, data, signature);
}

function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0);
  return difference === 0;
}

/** The noble libraries, for browsers. RSA there is public operations only. */
export const backend: Backend<PublicHandle, PrivateHandle, AesHandle> = {
  name: 'portable',
  digest: (hash: HashName, data) => hashes[hash](data),
  byteStringOf,
  writeByteString,
  sha256ByteString: (data) => byteStringOf(sha256(bytesOf(data))),
  hmac: (hash, key, data) => hmac(hashes[hash], key, data),
  hkdfSha256: (ikm, salt, info, length) => hkdf(sha256, ikm, salt, info, length),
  constantTimeEqual,

  importAesKey: (raw) => new AesHandle(Uint8Array.from(raw)),
  aesGcmSeal(key, iv, plaintext, aad) {
    const sealed = gcm(key.reveal(), iv, aad).encrypt(plaintext);
    const end = sealed.length - tagBytes;
    return { ciphertext: sealed.slice(0, end), tag: sealed.slice(end) };
  },
  aesGcmOpen(key, iv, ciphertext, aad, tag) {
    const sealed = new Uint8Array(ciphertext.length + tag.length);
    sealed.set(ciphertext);
    sealed.set(tag, ciphertext.length);
    try {
      return gcm(key.reveal(), iv, aad).decrypt(sealed);
    } catch {
      return undefined;
    }
  },
  aesBlocks: (key) => ({
    encrypt: (blocks) => ecb(key, { disablePadding: true }).encrypt(blocks),
    decrypt: (blocks) => ecb(key, { disablePadding: true }).decrypt(blocks),
  }),
  aesKwpWrap: (key, data) => aeskwp(key).encrypt(data),
  aesKwpUnwrap: (key, wrapped) => aeskwp(key).decrypt(wrapped),

  importPublicKey,
  importPrivateKey,
  exportPrivateKey,
  generatePrivateKey,

  sign,
  verify,
  verifyEcdsaDigest: verifyDigest,

  rsaOaepEncrypt(key, data, label) {
    if (key.kind !== 'RSA') throw new CryptoError('InvalidKey', 'RSA-OAEP needs an RSA key');
    return OAEP(sha256, mgf1(sha256), label).encrypt(key, data);
  },
  rsaOaepDecrypt: noRsaSecrets,
};

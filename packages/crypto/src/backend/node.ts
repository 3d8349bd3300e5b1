import * as crypto from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import { pointBytes } from '../curves.ts';
import type { ByteString } from '../encoding.ts';
import { CryptoError } from '../errors.ts';
import { ecSpki } from '../key-info.ts';
import type { Backend, Curve, HashName, Held, KeySpec, KeyType, Scheme } from './backend.ts';
import { verifyDigest } from './ecdsa-digest.ts';

export type PublicHandle = crypto.KeyObject;
export type PrivateHandle = crypto.KeyObject;
export type AesHandle = crypto.KeyObject;

const opensslHash = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const;
const opensslCurve = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' } as const;
const curveOfOpenssl: Readonly<Record<string, Curve>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** RFC 5649, section 3: the alternative initial value. */
const kwpIv = new Uint8Array([0xa6, 0x59, 0x59, 0xa6]);

/*
 * Hashing a byte string means laying its bytes out first. Small ones, which is nearly all, are laid out in
 * one scratch buffer, seen through a ready-made view of the right length: a fresh Buffer each time would cost
 * more than the hash. Synchronous code cannot interleave between the write and the hash.
 */
const scratchBytes = 1024;
const scratch = Buffer.alloc(scratchBytes);
const scratchViews = Array.from({ length: scratchBytes + 1 }, (_, length) => scratch.subarray(0, length));

/** They work on any array of bytes, which saves a `Buffer` around each. */
const { latin1Slice, latin1Write } = Buffer.prototype;

function sha256ByteString(data: Uint8Array | ByteString): ByteString {
  if (typeof data !== 'string') return crypto.hash('sha256', data, 'latin1');
  if (data.length > scratchBytes) return crypto.hash('sha256', Buffer.from(data, 'latin1'), 'latin1');
  scratch.write(data, 0, data.length, 'latin1');
  return crypto.hash('sha256', scratchViews[data.length]!, 'latin1');
}

/** The same bytes as a plain array: a `Buffer` would not be deeply equal to what the other backend gives. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function typeOf(key: crypto.KeyObject): KeyType {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case 'ec': {
      const curve = curveOfOpenssl[details?.namedCurve ?? ''];
      if (curve === undefined)
        throw new CryptoError('Unsupported', 'elliptic curve is not P-256, P-384 or P-521');
      return { kind: 'EC', curve };
    }
    case 'rsa':
    case 'rsa-pss':
      return { kind: 'RSA', bits: details?.modulusLength ?? 0 };
    case 'ed25519':
      return { kind: 'Ed25519' };
    case 'x25519':
      return { kind: 'X25519' };
    default:
      throw new CryptoError('Unsupported', `keys of type ${key.asymmetricKeyType} are not supported`);
  }
}

function held(key: crypto.KeyObject): Held<crypto.KeyObject> {
  const type = typeOf(key);
  const publicKey = key.type === 'private' ? crypto.createPublicKey(key) : key;
  const spki = plain(publicKey.export({ format: 'der', type: 'spki' }));
  return { handle: key, type, spki: type.kind === 'EC' ? canonicalSpki(type.curve, spki) : spki };
}

/** OpenSSL writes a point the way it was read; identifiers need one way: uncompressed. */
function canonicalSpki(curve: Curve, spki: Uint8Array): Uint8Array {
  const point = spki.subarray(-pointBytes(curve));
  if (point[0] === 0x04 && spki.length > pointBytes(curve)) return spki;
  const info = AsnConvert.parse(spki, SubjectPublicKeyInfo);
  const read = new Uint8Array(info.subjectPublicKey);
  const uncompressed = crypto.ECDH.convertKey(
    read,
    opensslCurve[curve],
    undefined,
    undefined,
    'uncompressed',
  );
  return ecSpki(curve, uncompressed as Buffer);
}

const pairTest = Buffer.from('pairwise consistency');

/**
 * OpenSSL believes the public part that a private key's encoding carries. Under an identity that is not the
 * key's own, nothing it signs would verify: so it signs once here.
 */
function importPrivateKey(pkcs8: Uint8Array): Held<crypto.KeyObject> {
  const key = held(crypto.createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }));
  if (key.type.kind === 'X25519') return key;
  const hash = key.type.kind === 'Ed25519' ? null : 'sha256';
  const signature = crypto.sign(hash, pairTest, key.handle);
  if (!crypto.verify(hash, pairTest, crypto.createPublicKey(key.handle), signature)) {
    throw new CryptoError('InvalidKey', 'public part of the private key is not its own');
  }
  return key;
}

function generatePrivateKey(spec: KeySpec): Held<crypto.KeyObject> {
  switch (spec.kind) {
    case 'EC':
      return held(crypto.generateKeyPairSync('ec', { namedCurve: opensslCurve[spec.curve] }).privateKey);
    case 'RSA': {
      const options = { modulusLength: spec.bits, publicExponent: spec.exponent ?? 65537 };
      return held(crypto.generateKeyPairSync('rsa', options).privateKey);
    }
    case 'Ed25519':
      return held(crypto.generateKeyPairSync('ed25519').privateKey);
    case 'X25519':
      return held(crypto.generateKeyPairSync('x25519').privateKey);
  }
}

function parametersOf(key: crypto.KeyObject, scheme: Scheme): crypto.SignKeyObjectInput {
  switch (scheme.name) {
    case 'ECDSA':
      return { key, dsaEncoding: 'ieee-p1363' };
    case 'RSA-PSS': {
      const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_AUTO } = crypto.constants;
      return {
        key,
        padding,
        saltLength: scheme.saltLength === 'auto' ? RSA_PSS_SALTLEN_AUTO : scheme.saltLength,
      };
    }
    case 'RSASSA-PKCS1-v1_5':
      return { key, padding: crypto.constants.RSA_PKCS1_PADDING };
    case 'EdDSA':
      return { key };
  }
}

function hashOf(scheme: Scheme): string | null {
  return scheme.name === 'EdDSA' ? null : opensslHash[scheme.hash];
}

function kwpCipher(key: Uint8Array): string {
  return `id-aes${key.length * 8}-wrap-pad`;
}

function oaep(key: crypto.KeyObject, label: Uint8Array) {
  const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;
  return { key, padding, oaepHash: 'sha256', ...(label.length > 0 ? { oaepLabel: label } : {}) };
}

/** OpenSSL through node:crypto. */
export const backend: Backend<PublicHandle, PrivateHandle, AesHandle> = {
  name: 'node',
  digest: (hash: HashName, data) => plain(crypto.hash(opensslHash[hash], data, 'buffer')),
  byteStringOf: (bytes) => latin1Slice.call(bytes, 0, bytes.length),
  writeByteString: (text, target, at) => void latin1Write.call(target, text, at),
  sha256ByteString,
  hmac: (hash, key, data) => plain(crypto.createHmac(opensslHash[hash], key).update(data).digest()),
  hkdfSha256: (ikm, salt, info, length) => new Uint8Array(crypto.hkdfSync('sha256', ikm, salt, info, length)),
  constantTimeEqual: (a, b) => crypto.timingSafeEqual(a, b),

  importAesKey: (raw) => crypto.createSecretKey(raw),
  aesGcmSeal(key, iv, plaintext, aad) {
    const cipher = crypto.createCipheriv('aes-256-gcm', key, iv);
    cipher.setAAD(aad);
    const ciphertext = plain(cipher.update(plaintext));
    cipher.final();
    return { ciphertext, tag: plain(cipher.getAuthTag()) };
  },
  aesGcmOpen(key, iv, ciphertext, aad, tag) {
    const decipher = crypto.createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
    decipher.setAAD(aad);
    decipher.setAuthTag(tag);
    const plaintext = plain(decipher.update(ciphertext));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plaintext;
  },
  aesBlocks(key) {
    // Without padding a block is out when it is in: one cipher serves for all of them, which costs a fifth.
    const cipher = crypto.createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
    // Counter mode never asks for the other direction.
    let decipher: crypto.Decipheriv | undefined;
    return {
      encrypt: (blocks) => plain(cipher.update(blocks)),
      decrypt(blocks) {
        decipher ??= crypto.createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false);
        return plain(decipher.update(blocks));
      },
    };
  },
  aesKwpWrap(key, data) {
    const cipher = crypto.createCipheriv(kwpCipher(key), key, kwpIv);
    return plain(Buffer.concat([cipher.update(data), cipher.final()]));
  },
  aesKwpUnwrap(key, wrapped) {
    const decipher = crypto.createDecipheriv(kwpCipher(key), key, kwpIv);
    return plain(Buffer.concat([decipher.update(wrapped), decipher.final()]));
  },

  importPublicKey: (spki) =>
    held(crypto.createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })),
  importPrivateKey,
  exportPrivateKey: (key) => plain(key.export({ format: 'der', type: 'pkcs8' })),
  generatePrivateKey,

  sign: (key, scheme, data) => plain(crypto.sign(hashOf(scheme), data, parametersOf(key, scheme))),
  verify: (key, scheme, signature, data) =>
    crypto.verify(hashOf(scheme), data, parametersOf(key, scheme), signature),
  verifyEcdsaDigest: verifyDigest,

  rsaOaepEncrypt: (key, data, label) => plain(crypto.publicEncrypt(oaep(key, label), data)),
  rsaOaepDecrypt: (key, ciphertext, label) => plain(crypto.privateDecrypt(oaep(key, label), ciphertext)),
};

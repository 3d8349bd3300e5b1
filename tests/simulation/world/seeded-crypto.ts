import * as crypto from 'node:crypto';
import type { Backend, Curve, Held, KeySpec, Scheme } from '../../../packages/crypto/src/backend/backend.ts';
import { nobleCurves } from '../../../packages/crypto/src/backend/ecdsa-digest.ts';
import { backend as openssl, type PrivateHandle } from '../../../packages/crypto/src/backend/node.ts';
import { ecPkcs8, okpPkcs8 } from '../../../packages/crypto/src/key-info.ts';
import { inverse, toBytes, toNumber } from './big-numbers.ts';
import { forgetAll, remembering, textOf } from './remember.ts';
import { seededRsaKey } from './seeded-rsa.ts';

export type { AesHandle, PrivateHandle, PublicHandle } from '../../../packages/crypto/src/backend/node.ts';

/** Random bytes, as a node gets them. */
export type RandomBytes = (length: number) => Uint8Array;

let random: RandomBytes = () => {
  throw new Error('seed the cryptography first');
};

/** A run begins: what would come from the machine's random generator comes from here. */
export function seedCrypto(source: RandomBytes): void {
  forgetAll();
  random = source;
}

/**
 * The backend of the product with nothing left to chance: keys come from the seed, the nonce of ECDSA from key and message,
 * and padding is drawn from the seed. What it makes, OpenSSL verifies and decrypts as ever.
 */
export const backend: Backend<crypto.KeyObject, crypto.KeyObject, crypto.KeyObject> = {
  ...openssl,
  importPublicKey: remembering(openssl.importPublicKey, textOf),
  verify: remembering(openssl.verify, verificationOf),
  generatePrivateKey,
  sign,
  rsaOaepEncrypt,
};

const names = new WeakMap<crypto.KeyObject, number>();
let named = 0;

/** What a signature, key and text are told from others by; every node verifies what one of them has signed. */
function verificationOf(
  key: crypto.KeyObject,
  scheme: Scheme,
  signature: Uint8Array,
  data: Uint8Array,
): string {
  const name = names.get(key) ?? ++named;
  names.set(key, name);
  const digest = crypto.hash('sha256', data, 'latin1');
  return `${name} ${JSON.stringify(scheme)} ${textOf(signature)} ${digest}`;
}

function generatePrivateKey(spec: KeySpec): Held<PrivateHandle> {
  switch (spec.kind) {
    case 'EC': {
      const { oid, order, bytes } = groups[spec.curve];
      const pair = crypto.createECDH(oid);
      const scalar = toBytes((toNumber(random(bytes + 16)) % (order - 1n)) + 1n, bytes);
      pair.setPrivateKey(scalar);
      return openssl.importPrivateKey(ecPkcs8(spec.curve, scalar, new Uint8Array(pair.getPublicKey())));
    }
    case 'RSA':
      return openssl.importPrivateKey(seededRsaKey(random(1)[0]!));
    case 'Ed25519':
    case 'X25519':
      return openssl.importPrivateKey(okpPkcs8(spec.kind, random(32)));
  }
}

/** A private key as numbers: what an ECDSA signature is computed with. */
interface Signing {
  readonly curve: Curve;
  readonly d: bigint;
  readonly secret: Uint8Array;
}

const signings = new WeakMap<crypto.KeyObject, Signing>();

function signingOf(key: crypto.KeyObject): Signing {
  const known = signings.get(key);
  if (known !== undefined) return known;
  const { d, crv } = key.export({ format: 'jwk' });
  const secret = Buffer.from(d ?? '', 'base64url');
  const signing = { curve: crv as Curve, d: toNumber(secret), secret };
  signings.set(key, signing);
  return signing;
}

function sign(key: PrivateHandle, scheme: Scheme, data: Uint8Array): Uint8Array {
  switch (scheme.name) {
    case 'RSA-PSS':
      throw new Error('a PSS signature has a random salt, which no simulated part may want');
    case 'RSASSA-PKCS1-v1_5':
    case 'EdDSA':
      return openssl.sign(key, scheme, data);
    case 'ECDSA':
      return signEcdsa(signingOf(key), openssl.digest(scheme.hash, data));
  }
}

/**
 * ECDSA (FIPS 186-5, section 6.4) with a nonce that is a digest of key and message. OpenSSL multiplies the point;
 * there is nothing secret in a simulation that numbers of varying length could give away.
 */
function signEcdsa({ curve, d, secret }: Signing, digest: Uint8Array): Uint8Array {
  const { oid, order, bytes } = groups[curve];
  const excess = Math.max(0, digest.length * 8 - order.toString(2).length);
  const z = toNumber(digest) >> BigInt(excess);
  const wide = crypto.hkdfSync('sha256', secret, digest, 'nonce', bytes + 16);
  const k = (toNumber(new Uint8Array(wide)) % (order - 1n)) + 1n;
  const point = crypto.createECDH(oid);
  point.setPrivateKey(toBytes(k, bytes));
  const r = toNumber(point.getPublicKey().subarray(1, 1 + bytes)) % order;
  const s = (inverse(k, order) * (z + r * d)) % order;
  return new Uint8Array(Buffer.concat([toBytes(r, bytes), toBytes(s, bytes)]));
}

function group(oid: string, curve: Curve) {
  const order = nobleCurves[curve].Point.Fn.ORDER;
  return { oid, order, bytes: Math.ceil(order.toString(2).length / 8) };
}

const groups = {
  'P-256': group('prime256v1', 'P-256'),
  'P-384': group('secp384r1', 'P-384'),
  'P-521': group('secp521r1', 'P-521'),
};

/** RFC 8017, section 7.1.1, with SHA-256. */
function rsaOaepEncrypt(key: crypto.KeyObject, data: Uint8Array, label: Uint8Array): Uint8Array {
  const hashBytes = 32;
  const size = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const block = new Uint8Array(size - hashBytes - 1);
  block.set(openssl.digest('SHA-256', label));
  block[block.length - data.length - 1] = 1;
  block.set(data, block.length - data.length);
  const seed = random(hashBytes);
  const maskedBlock = xor(block, mask(seed, block.length));
  const maskedSeed = xor(seed, mask(maskedBlock, hashBytes));
  const encoded = Buffer.concat([Uint8Array.of(0), maskedSeed, maskedBlock]);
  return new Uint8Array(crypto.publicEncrypt({ key, padding: crypto.constants.RSA_NO_PADDING }, encoded));
}

/** MGF1 (RFC 8017, appendix B.2.1). */
function mask(seed: Uint8Array, length: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let counter = 0; pieces.length * 32 < length; counter++) {
    pieces.push(openssl.digest('SHA-256', Buffer.concat([seed, Uint8Array.of(0, 0, 0, counter)])));
  }
  return Buffer.concat(pieces).subarray(0, length);
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ b[i]!);
}

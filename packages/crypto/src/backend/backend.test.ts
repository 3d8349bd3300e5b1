import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { curves } from '../curves.ts';
import { concatBytes, fromHex } from '../encoding.ts';
import { ecSpki, okpPkcs8, okpSpki } from '../key-info.ts';
import type { Backend, Curve, HashName, Scheme } from './backend.ts';
import { backend as node } from './node.ts';
import { backend as portable } from './portable.ts';

interface Vectors {
  digest: { source: string; hash: HashName; text: string; repeat?: number; digest: string }[];
  hmac: ({ source: string; key: string; keyRepeat?: number; data: string } & Partial<
    Record<HashName, string>
  >)[];
  hkdfSha256: { source: string; ikm: string; salt: string; info: string; okm: string }[];
  aes256Gcm: Record<'source' | 'key' | 'iv' | 'plaintext' | 'aad' | 'ciphertext' | 'tag', string>[];
  aesKwp: Record<'source' | 'key' | 'data' | 'wrapped', string>[];
}

interface SignatureVectors {
  ecdsa: {
    source: string;
    curve: Curve;
    hash: HashName;
    text: string;
    x: string;
    y: string;
    r: string;
    s: string;
  }[];
  eddsa: Record<'source' | 'secret' | 'public' | 'data' | 'signature', string>[];
}

function load<T>(name: string): T {
  return JSON.parse(
    readFileSync(new URL(`../../../../tests/vectors/crypto/${name}`, import.meta.url), 'utf8'),
  );
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const primitives = load<Vectors>('primitives.json');
const signatures = load<SignatureVectors>('signatures.json');

function vectorsHold<P, S, A>(backend: Backend<P, S, A>): void {
  for (const row of primitives.digest) {
    test(`digest: ${row.source}`, () => {
      const data = utf8(row.text.repeat(row.repeat ?? 1));
      assert.deepEqual(backend.digest(row.hash, data), fromHex(row.digest));
      if (row.hash !== 'SHA-256') return;
      const expected = Buffer.from(row.digest, 'hex').toString('latin1');
      assert.equal(backend.sha256ByteString(data), expected);
      assert.equal(backend.sha256ByteString(Buffer.from(data).toString('latin1')), expected);
    });
  }
  for (const row of primitives.hmac) {
    test(`HMAC: ${row.source}`, () => {
      const key = fromHex(row.key.repeat(row.keyRepeat ?? 1));
      for (const hash of ['SHA-256', 'SHA-384', 'SHA-512'] as const) {
        const expected = row[hash];
        if (expected !== undefined)
          assert.deepEqual(backend.hmac(hash, key, fromHex(row.data)), fromHex(expected));
      }
    });
  }
  for (const row of primitives.hkdfSha256) {
    test(`HKDF: ${row.source}`, () => {
      const okm = fromHex(row.okm);
      const derived = backend.hkdfSha256(fromHex(row.ikm), fromHex(row.salt), fromHex(row.info), okm.length);
      assert.deepEqual(derived, okm);
    });
  }
  for (const row of primitives.aes256Gcm) {
    test(`AES-256-GCM: ${row.source}`, () => {
      const key = backend.importAesKey(fromHex(row.key));
      const [iv, plaintext, aad] = [fromHex(row.iv), fromHex(row.plaintext), fromHex(row.aad)];
      const sealed = backend.aesGcmSeal(key, iv, plaintext, aad);
      assert.deepEqual(sealed, { ciphertext: fromHex(row.ciphertext), tag: fromHex(row.tag) });
      assert.deepEqual(backend.aesGcmOpen(key, iv, sealed.ciphertext, aad, sealed.tag), plaintext);
    });
  }
  for (const row of primitives.aesKwp) {
    test(`AES-KWP: ${row.source}`, () => {
      const [key, data, wrapped] = [fromHex(row.key), fromHex(row.data), fromHex(row.wrapped)];
      assert.deepEqual(backend.aesKwpWrap(key, data), wrapped);
      assert.deepEqual(backend.aesKwpUnwrap(key, wrapped), data);
    });
  }
  for (const row of signatures.ecdsa) {
    test(`ECDSA: ${row.source}`, () => {
      const point = fromHex(`04${row.x}${row.y}`);
      const { handle } = backend.importPublicKey(ecSpki(row.curve, point));
      const signature = fromHex(row.r + row.s);
      const data = utf8(row.text);
      const scheme: Scheme = { name: 'ECDSA', hash: row.hash };
      assert.equal(backend.verify(handle, scheme, signature, data), true);
      assert.equal(backend.verify(handle, scheme, signature, utf8(`${row.text}.`)), false);
      const digest = node.digest(row.hash, data);
      assert.equal(backend.verifyEcdsaDigest(row.curve, point, signature, digest), true);
      digest[0]! ^= 1;
      assert.equal(backend.verifyEcdsaDigest(row.curve, point, signature, digest), false);
    });
  }
  for (const row of signatures.eddsa) {
    test(`Ed25519: ${row.source}`, () => {
      const { handle } = backend.importPublicKey(okpSpki('Ed25519', fromHex(row.public)));
      const secret = backend.importPrivateKey(okpPkcs8('Ed25519', fromHex(row.secret)));
      const [data, signature] = [fromHex(row.data), fromHex(row.signature)];
      assert.deepEqual(secret.spki, okpSpki('Ed25519', fromHex(row.public)));
      assert.deepEqual(backend.sign(secret.handle, { name: 'EdDSA' }, data), signature);
      assert.equal(backend.verify(handle, { name: 'EdDSA' }, signature, data), true);
      assert.equal(
        backend.verify(handle, { name: 'EdDSA' }, signature, concatBytes(data, data, data, utf8('x'))),
        false,
      );
    });
  }
}

describe('the node backend reproduces published vectors', () => vectorsHold(node));
describe('the portable backend reproduces published vectors', () => vectorsHold(portable));

const bytes = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + length) & 0xff);

describe('each backend understands the other', () => {
  for (const curve of Object.keys(curves) as Curve[]) {
    for (const hash of ['SHA-256', 'SHA-384', 'SHA-512'] as const) {
      test(`${curve} with ${hash}`, () => {
        const data = bytes(100, 1);
        const made = node.generatePrivateKey({ kind: 'EC', curve });
        const taken = portable.importPrivateKey(node.exportPrivateKey(made.handle));
        assert.deepEqual([taken.type, taken.spki], [made.type, made.spki]);
        assert.deepEqual(portable.exportPrivateKey(taken.handle), node.exportPrivateKey(made.handle));
        const scheme: Scheme = { name: 'ECDSA', hash };
        const nodePublic = node.importPublicKey(made.spki).handle;
        const portablePublic = portable.importPublicKey(made.spki).handle;
        const bySign = [node.sign(made.handle, scheme, data), portable.sign(taken.handle, scheme, data)];
        for (const signature of bySign) {
          assert.equal(node.verify(nodePublic, scheme, signature, data), true);
          assert.equal(portable.verify(portablePublic, scheme, signature, data), true);
        }
      });
    }
  }

  for (const kind of ['Ed25519', 'X25519'] as const) {
    test(kind, () => {
      const made = portable.generatePrivateKey({ kind });
      const taken = node.importPrivateKey(portable.exportPrivateKey(made.handle));
      assert.deepEqual([taken.type, taken.spki], [made.type, made.spki]);
      assert.deepEqual(node.exportPrivateKey(taken.handle), portable.exportPrivateKey(made.handle));
    });
  }

  test('AES-GCM, AES-KWP and HKDF over many lengths', () => {
    for (let length = 1; length < 70; length++) {
      const key = bytes(32, length);
      const [iv, aad, data] = [bytes(12, 2), bytes(length % 7, 3), bytes(length, 4)];
      const sealed = node.aesGcmSeal(node.importAesKey(key), iv, data, aad);
      assert.deepEqual(portable.aesGcmSeal(portable.importAesKey(key), iv, data, aad), sealed);
      assert.deepEqual(portable.aesKwpWrap(key, data), node.aesKwpWrap(key, data));
      assert.deepEqual(portable.hkdfSha256(data, aad, iv, length), node.hkdfSha256(data, aad, iv, length));
      assert.equal(portable.sha256ByteString(data), node.sha256ByteString(data));
    }
  });

  test('bytes as a byte string, also those that are too many for the arguments of one call', () => {
    for (const length of [0, 1, 255, 256, 4096, 4097, 1_000_000]) {
      const data = bytes(length, 8);
      assert.equal(portable.byteStringOf(data), Buffer.from(data).toString('latin1'));
      assert.equal(node.byteStringOf(data), portable.byteStringOf(data));
    }
  });

  test('RSA signatures and encryption made by node', () => {
    const data = bytes(50, 5);
    const made = node.generatePrivateKey({ kind: 'RSA', bits: 2048 });
    const key = portable.importPublicKey(made.spki);
    assert.deepEqual([key.type, key.spki], [made.type, made.spki]);
    const schemes: Scheme[] = (['SHA-256', 'SHA-384', 'SHA-512'] as const).flatMap((hash) => [
      { name: 'RSASSA-PKCS1-v1_5', hash },
      { name: 'RSA-PSS', hash, saltLength: 0 },
      { name: 'RSA-PSS', hash, saltLength: 48 },
    ]);
    for (const scheme of schemes) {
      const signature = node.sign(made.handle, scheme, data);
      assert.equal(portable.verify(key.handle, scheme, signature, data), true, JSON.stringify(scheme));
      signature[100]! ^= 4;
      assert.equal(portable.verify(key.handle, scheme, signature, data), false, JSON.stringify(scheme));
    }
    const label = bytes(9, 6);
    const wrapped = portable.rsaOaepEncrypt(key.handle, data, label);
    assert.deepEqual(node.rsaOaepDecrypt(made.handle, wrapped, label), data);
  });

  test('a compressed point becomes the same canonical key in both', () => {
    for (const curve of Object.keys(curves) as Curve[]) {
      const { spki } = node.generatePrivateKey({ kind: 'EC', curve });
      const size = curves[curve].coordinateBytes;
      const compressed = concatBytes(Uint8Array.of(2 + (spki.at(-1)! & 1)), spki.subarray(-2 * size, -size));
      assert.deepEqual(node.importPublicKey(ecSpki(curve, compressed)).spki, spki);
      assert.deepEqual(portable.importPublicKey(ecSpki(curve, compressed)).spki, spki);
    }
  });

  test('a point that is not on the curve is a key to neither', () => {
    const off = ecSpki('P-256', concatBytes(Uint8Array.of(4), bytes(64, 7)));
    assert.throws(() => node.importPublicKey(off));
    assert.throws(() => portable.importPublicKey(off));
  });
});

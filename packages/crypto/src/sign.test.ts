import assert from 'node:assert/strict';
import * as native from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { backend } from '#backend';
import type { Curve, HashName } from './backend/backend.ts';
import { curves } from './curves.ts';
import { concatBytes, fromBase64Url, fromHex } from './encoding.ts';
import { digest } from './hash.ts';
import { publicKeyFromJwk } from './jwk.ts';
import { generateKeyPair, importPublicKey } from './keys.ts';
import {
  ecdsaFromDer,
  ecdsaToDer,
  signEcdsa,
  signEddsa,
  signRsaPkcs1,
  signRsaPss,
  verifyEcdsa,
  verifyEcdsaDigest,
  verifyEddsa,
  verifyRsaPkcs1,
  verifyRsaPss,
} from './sign.ts';

const invalid = { name: 'CryptoError', code: 'SignatureInvalid' };
const malformed = { name: 'CryptoError', code: 'MalformedSignature' };
const wrongKey = { name: 'CryptoError', code: 'InvalidKey' };
const data = new TextEncoder().encode('what is signed');
const hashes: HashName[] = ['SHA-256', 'SHA-384', 'SHA-512'];
const flip = (bytes: Uint8Array, at = bytes.length - 1) => bytes.with(at, bytes[at]! ^ 1);

for (const curve of Object.keys(curves) as Curve[]) {
  describe(`ECDSA on ${curve}`, () => {
    const key = generateKeyPair(curve);
    const other = generateKeyPair(curve);
    for (const hash of hashes) {
      for (const format of ['der', 'p1363'] as const) {
        test(`${hash}, ${format}`, () => {
          const options = { hash, format };
          const signature = signEcdsa(key, data, options);
          verifyEcdsa(key.publicKey, signature, data, options);
          assert.throws(() => verifyEcdsa(key.publicKey, signature, flip(data), options), invalid);
          assert.throws(() => verifyEcdsa(key.publicKey, flip(signature), data, options), invalid);
          assert.throws(() => verifyEcdsa(other.publicKey, signature, data, options), invalid);
          assert.throws(() => verifyEcdsa(key.publicKey, signature.subarray(1), data, options), malformed);
          assert.throws(
            () => verifyEcdsa(key.publicKey, concatBytes(signature, signature), data, options),
            malformed,
          );
        });
      }

      test(`a ${hash} digest that was computed before`, () => {
        const signature = signEcdsa(key, data, { hash, format: 'der' });
        const hashed = digest(hash, data);
        verifyEcdsaDigest(key.publicKey, signature, hashed);
        assert.throws(() => verifyEcdsaDigest(key.publicKey, signature, flip(hashed, 0)), invalid);
        assert.throws(() => verifyEcdsaDigest(key.publicKey, flip(signature), hashed), invalid);
        assert.throws(() => verifyEcdsaDigest(other.publicKey, signature, hashed), invalid);
        assert.throws(() => verifyEcdsaDigest(key.publicKey, signature.subarray(1), hashed), malformed);
      });
    }

    test('zeros are not a signature', () => {
      const zeros = new Uint8Array(2 * curves[curve].coordinateBytes);
      assert.throws(
        () => verifyEcdsa(key.publicKey, zeros, data, { hash: 'SHA-256', format: 'p1363' }),
        invalid,
      );
      const der = ecdsaToDer(zeros, curve);
      assert.throws(() => verifyEcdsaDigest(key.publicKey, der, digest('SHA-256', data)), {
        name: 'CryptoError',
      });
    });

    test('DER and r || s are rewritten into each other, whatever the leading bytes', () => {
      const size = curves[curve].coordinateBytes;
      const half = fc
        .tuple(fc.nat(size - 1), fc.uint8Array({ minLength: size, maxLength: size }))
        .map(([zeros, bytes]) => {
          return bytes.fill(0, 0, zeros);
        });
      fc.assert(
        fc.property(half, half, (r, s) => {
          if (r.every((byte) => byte === 0) || s.every((byte) => byte === 0)) return;
          const raw = concatBytes(r, s);
          assert.deepEqual(ecdsaFromDer(ecdsaToDer(raw, curve), curve), raw);
        }),
      );
    });
  });
}

describe('an ECDSA signature in DER is read strictly', () => {
  const accepted = '3006020101020101';
  test('two positive integers', () => {
    assert.deepEqual(
      ecdsaFromDer(fromHex(accepted), 'P-256').filter((byte) => byte !== 0),
      Uint8Array.of(1, 1),
    );
  });
  const refused: [string, string][] = [
    ['nothing', ''],
    ['a set', '3106020101020101'],
    ['a byte behind it', '300602010102010100'],
    ['a byte within it', '300702010102010100'],
    ['a length in long form', '308106020101020101'],
    ['an indefinite length', '30800201010201010000'],
    ['a length too long', '3007020101020101'],
    ['one integer', '3003020101'],
    ['three integers', '3009020101020101020101'],
    ['an empty integer', '30050200020101'],
    ['a negative integer', '3006020181020101'],
    ['a leading zero', '300702020001020101'],
    ['an octet string', '3006040101020101'],
    ['an integer too long for the curve', `3026022101${'00'.repeat(32)}020101`],
  ];
  for (const [why, hex] of refused) {
    test(`${why} is refused`, () => assert.throws(() => ecdsaFromDer(fromHex(hex), 'P-256'), malformed));
  }
});

test('Ed25519 signatures verify, and only they', () => {
  const key = generateKeyPair({ kind: 'Ed25519' });
  const signature = signEddsa(key, data);
  verifyEddsa(key.publicKey, signature, data);
  assert.throws(() => verifyEddsa(key.publicKey, signature, flip(data)), invalid);
  assert.throws(() => verifyEddsa(key.publicKey, flip(signature, 3), data), { name: 'CryptoError' });
  assert.throws(() => verifyEddsa(key.publicKey, signature.subarray(1), data), { name: 'CryptoError' });
  assert.throws(() => verifyEddsa(generateKeyPair({ kind: 'Ed25519' }).publicKey, signature, data), invalid);
});

test('a scheme takes no key of another kind', () => {
  const ec = generateKeyPair('P-256');
  const ed = generateKeyPair({ kind: 'Ed25519' });
  const signature = new Uint8Array(64);
  assert.throws(() => signEddsa(ec, data), wrongKey);
  assert.throws(() => signEcdsa(ed, data, { hash: 'SHA-256', format: 'der' }), wrongKey);
  assert.throws(() => verifyEddsa(ec.publicKey, signature, data), wrongKey);
  assert.throws(() => verifyRsaPkcs1(ec.publicKey, signature, data, { hash: 'SHA-256' }), wrongKey);
  assert.throws(
    () => verifyRsaPss(ed.publicKey, signature, data, { hash: 'SHA-256', saltLength: 0 }),
    wrongKey,
  );
  assert.throws(() => verifyEcdsaDigest(ed.publicKey, signature, data), wrongKey);
});

describe('RSA', () => {
  const { privateKey, publicKey } = native.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = importPublicKey(publicKey.export({ format: 'pem', type: 'spki' }).toString());
  const other = importPublicKey(
    native
      .generateKeyPairSync('rsa', { modulusLength: 2048 })
      .publicKey.export({ format: 'pem', type: 'spki' })
      .toString(),
  );
  for (const hash of hashes) {
    const name = hash.replace('-', '').toLowerCase();

    test(`PKCS#1 v1.5 with ${hash}`, () => {
      const signature = new Uint8Array(native.sign(name, data, privateKey));
      verifyRsaPkcs1(key, signature, data, { hash });
      assert.throws(() => verifyRsaPkcs1(key, signature, flip(data), { hash }), invalid);
      assert.throws(() => verifyRsaPkcs1(key, flip(signature), data, { hash }), invalid);
      assert.throws(() => verifyRsaPkcs1(other, signature, data, { hash }), invalid);
      assert.throws(() => verifyRsaPkcs1(key, signature.subarray(1), data, { hash }), invalid);
    });

    test(`PSS with ${hash}`, () => {
      const padding = native.constants.RSA_PKCS1_PSS_PADDING;
      const signature = new Uint8Array(native.sign(name, data, { key: privateKey, padding, saltLength: 20 }));
      verifyRsaPss(key, signature, data, { hash, saltLength: 20 });
      assert.throws(() => verifyRsaPss(key, signature, data, { hash, saltLength: 21 }), invalid);
      assert.throws(() => verifyRsaPss(key, signature, flip(data), { hash, saltLength: 20 }), invalid);
      assert.throws(() => verifyRsaPss(key, flip(signature), data, { hash, saltLength: 20 }), invalid);
      assert.throws(() => verifyRsaPss(other, signature, data, { hash, saltLength: 20 }), invalid);
    });
  }

  test('signing, where RSA private keys are used', {
    skip: backend.name === 'portable' && 'not outside Node.js',
  }, () => {
    const own = generateKeyPair({ kind: 'RSA', bits: 2048 });
    verifyRsaPkcs1(own.publicKey, signRsaPkcs1(own, data, { hash: 'SHA-256' }), data, { hash: 'SHA-256' });
    const pss = signRsaPss(own, data, { hash: 'SHA-384', saltLength: 48 });
    verifyRsaPss(own.publicKey, pss, data, { hash: 'SHA-384', saltLength: 48 });
    verifyRsaPss(own.publicKey, pss, data, { hash: 'SHA-384', saltLength: 'auto' });
    assert.throws(() => signRsaPss(own, data, { hash: 'SHA-256', saltLength: 1000 }), {
      code: 'InvalidArgument',
    });
  });

  test('the RS256 example of RFC 7515 verifies', () => {
    const url = new URL('../../../tests/vectors/crypto/signatures.json', import.meta.url);
    const { rsaPkcs1Sha256 }: { rsaPkcs1Sha256: Record<'text' | 'n' | 'e' | 'signature', string>[] } =
      JSON.parse(readFileSync(url, 'utf8'));
    for (const { text, n, e, signature } of rsaPkcs1Sha256) {
      const rfcKey = publicKeyFromJwk({ kty: 'RSA', n, e });
      const signed = new TextEncoder().encode(text);
      verifyRsaPkcs1(rfcKey, fromBase64Url(signature), signed, { hash: 'SHA-256' });
      assert.throws(
        () => verifyRsaPkcs1(rfcKey, fromBase64Url(signature), flip(signed), { hash: 'SHA-256' }),
        invalid,
      );
    }
  });
});

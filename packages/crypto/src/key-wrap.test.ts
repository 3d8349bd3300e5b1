import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backend } from '#backend';
import {
  aesKwpUnwrap,
  aesKwpWrap,
  rsaAesKwpUnwrap,
  rsaAesKwpWrap,
  rsaOaepUnwrap,
  rsaOaepWrap,
} from './key-wrap.ts';
import { generateKeyPair } from './keys.ts';

const failed = { name: 'CryptoError', code: 'DecryptionFailed' };
const privateRsa = { skip: backend.name === 'portable' && 'RSA private keys are not used outside Node.js' };
const label = Uint8Array.of(1, 2, 3);
const flip = (bytes: Uint8Array, at: number) => bytes.with(at % bytes.length, bytes[at % bytes.length]! ^ 1);

test('AES-KWP wraps anything under a key of any size, and notices any change', () => {
  const bytes = (lengths: number[]) =>
    fc.constantFrom(...lengths).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  fc.assert(
    fc.property(
      bytes([16, 24, 32]),
      fc.uint8Array({ minLength: 1, maxLength: 80 }),
      fc.nat(),
      (key, data, at) => {
        const wrapped = aesKwpWrap(key, data);
        assert.equal(wrapped.length, 8 * Math.ceil(data.length / 8) + 8);
        assert.deepEqual(aesKwpUnwrap(key, wrapped), data);
        assert.throws(() => aesKwpUnwrap(key, flip(wrapped, at)), failed);
        assert.throws(() => aesKwpUnwrap(flip(key, at), wrapped), failed);
        assert.throws(() => aesKwpUnwrap(key, wrapped.subarray(1)), failed);
        assert.throws(() => aesKwpUnwrap(key, wrapped.subarray(8)), failed);
      },
    ),
  );
});

test('AES-KWP refuses what it cannot wrap', () => {
  const key = new Uint8Array(32);
  assert.throws(() => aesKwpWrap(key, new Uint8Array(0)), { code: 'InvalidArgument' });
  assert.throws(() => aesKwpWrap(new Uint8Array(20), key), { code: 'InvalidKey' });
  assert.throws(() => aesKwpUnwrap(new Uint8Array(20), key), { code: 'InvalidKey' });
  assert.throws(() => aesKwpUnwrap(key, new Uint8Array(0)), failed);
});

test('RSA-OAEP opens with the same key and label only', privateRsa, () => {
  const key = generateKeyPair({ kind: 'RSA', bits: 2048 });
  const data = new Uint8Array(32).fill(5);
  const wrapped = rsaOaepWrap(key.publicKey, data, label);
  assert.deepEqual(rsaOaepUnwrap(key, wrapped, label), data);
  assert.deepEqual(rsaOaepUnwrap(key, rsaOaepWrap(key.publicKey, data)), data);
  assert.throws(() => rsaOaepUnwrap(key, wrapped), failed);
  assert.throws(() => rsaOaepUnwrap(key, flip(wrapped, 99), label), failed);
  assert.throws(() => rsaOaepUnwrap(key, wrapped.subarray(1), label), failed);
  assert.throws(() => rsaOaepUnwrap(generateKeyPair({ kind: 'RSA', bits: 2048 }), wrapped, label), failed);
  assert.throws(() => rsaOaepWrap(key.publicKey, new Uint8Array(200)), { code: 'InvalidArgument' });
});

test('RSA-OAEP with AES-KWP wraps more than RSA alone could', privateRsa, () => {
  const key = generateKeyPair({ kind: 'RSA', bits: 2048 });
  const data = new Uint8Array(1000).fill(6);
  for (const size of [16, 24, 32]) {
    const wrapped = rsaAesKwpWrap(key.publicKey, data, { aesKey: new Uint8Array(size).fill(size), label });
    assert.deepEqual(rsaAesKwpUnwrap(key, wrapped, label), data);
    assert.throws(() => rsaAesKwpUnwrap(key, wrapped), failed);
    assert.throws(() => rsaAesKwpUnwrap(key, flip(wrapped, 500), label), failed);
    assert.throws(() => rsaAesKwpUnwrap(key, wrapped.subarray(0, 256), label), failed);
    assert.throws(() => rsaAesKwpUnwrap(key, wrapped.subarray(0, 10), label), failed);
  }
  const noAesKey = rsaOaepWrap(key.publicKey, new Uint8Array(20));
  assert.throws(() => rsaAesKwpUnwrap(key, noAesKey), failed);
});

test('a key that is not RSA wraps nothing', () => {
  const key = generateKeyPair('P-256');
  assert.throws(() => rsaOaepWrap(key.publicKey, label), { code: 'InvalidKey' });
  assert.throws(() => rsaOaepUnwrap(key, label), { code: 'InvalidKey' });
  assert.throws(() => rsaAesKwpUnwrap(key, label), { code: 'InvalidKey' });
});

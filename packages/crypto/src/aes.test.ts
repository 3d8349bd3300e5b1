import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { aesGcmOpen, aesGcmSeal, BlockCipher, importAesKey } from './aes.ts';
import { concatBytes } from './encoding.ts';

const raw = Uint8Array.from({ length: 32 }, (_, i) => i + 100);
const key = importAesKey(raw);
const iv = new Uint8Array(12).fill(7);
const aad = Uint8Array.of(1, 2, 3);
const plaintext = Uint8Array.of(9, 8, 7, 6);
const { ciphertext, tag } = aesGcmSeal(key, iv, plaintext, aad);

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[0]! ^= 1;
  return copy;
}

test('what was sealed opens', () => {
  assert.deepEqual(aesGcmOpen(key, iv, ciphertext, aad, tag), plaintext);
});

test('it opens with nothing else than what it was sealed with', () => {
  const other = importAesKey(flipped(raw));
  const failed = { name: 'CryptoError', code: 'DecryptionFailed' };
  assert.throws(() => aesGcmOpen(other, iv, ciphertext, aad, tag), failed);
  assert.throws(() => aesGcmOpen(key, flipped(iv), ciphertext, aad, tag), failed);
  assert.throws(() => aesGcmOpen(key, iv, flipped(ciphertext), aad, tag), failed);
  assert.throws(() => aesGcmOpen(key, iv, ciphertext, flipped(aad), tag), failed);
  assert.throws(() => aesGcmOpen(key, iv, ciphertext, aad, flipped(tag)), failed);
  assert.throws(() => aesGcmOpen(key, iv, ciphertext, aad, tag.subarray(0, 12)), failed);
  assert.throws(() => aesGcmOpen(key, iv, ciphertext.subarray(1), aad, tag), failed);
});

test('keys and initialisation vectors of another length are refused', () => {
  for (const length of [0, 16, 24, 31, 33]) {
    assert.throws(() => importAesKey(new Uint8Array(length)), { code: 'InvalidKey' });
  }
  assert.throws(() => aesGcmSeal(key, new Uint8Array(16), plaintext, aad), { code: 'InvalidArgument' });
});

test('the key does not change with the bytes it was made from, and shows in no output', () => {
  const bytes = Uint8Array.from(raw);
  const made = importAesKey(bytes);
  bytes.fill(0);
  assert.deepEqual(aesGcmOpen(made, iv, ciphertext, aad, tag), plaintext);
  assert.doesNotMatch(
    inspect(made, { showHidden: true, depth: 9 }) + JSON.stringify(made) + String(made),
    /\d/,
  );
});

test('a block is what FIPS 197 says it is, every time, and comes back', () => {
  const blocks = new BlockCipher(Uint8Array.from({ length: 32 }, (_, i) => i));
  const block = Uint8Array.fromHex('00112233445566778899aabbccddeeff');
  for (let i = 0; i < 3; i++) {
    assert.equal(blocks.encrypt(block).toHex(), '8ea2b7ca516745bfeafc49904b496089');
    assert.deepEqual(blocks.decrypt(blocks.encrypt(block)), block);
  }
  const two = concatBytes(raw.subarray(0, 16), block);
  assert.deepEqual(
    blocks.encrypt(two),
    concatBytes(blocks.encrypt(raw.subarray(0, 16)), blocks.encrypt(block)),
    'each block by itself',
  );
  assert.deepEqual(blocks.decrypt(blocks.encrypt(two)), two);
  assert.throws(() => blocks.encrypt(new Uint8Array(15)), { code: 'InvalidArgument' });
  assert.throws(() => blocks.decrypt(new Uint8Array(33)), { code: 'InvalidArgument' });
  assert.throws(() => new BlockCipher(new Uint8Array(16)), { code: 'InvalidKey' });
});

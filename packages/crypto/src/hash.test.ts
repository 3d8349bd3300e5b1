import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { fromHex } from './encoding.ts';
import {
  constantTimeEqual,
  HmacKey,
  hkdfSha256,
  hmacSha256,
  sha256,
  sha256ByteString,
  sha256Hex,
} from './hash.ts';

const vectors: { hmac: { key: string; keyRepeat?: number; data: string; 'SHA-256': string }[] } = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/crypto/primitives.json', import.meta.url), 'utf8'),
);
const latin1 = (data: Uint8Array) => Buffer.from(data).toString('latin1');

test('a byte string and its bytes have one digest, at every length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000, size: 'max' }), (data) => {
      const expected = latin1(sha256(data));
      assert.equal(sha256ByteString(data), expected);
      assert.equal(sha256ByteString(latin1(data)), expected);
      assert.equal(latin1(sha256(latin1(data))), expected);
      assert.equal(sha256Hex(data), Buffer.from(expected, 'latin1').toString('hex'));
    }),
  );
});

test('an HMAC key says the same as HMAC, for any key and message, again and again', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 150 }),
      fc.array(fc.uint8Array({ maxLength: 3000, size: 'max' }), { maxLength: 6 }),
      (raw, messages) => {
        const key = new HmacKey(raw);
        for (const message of messages) {
          const expected = latin1(hmacSha256(raw, message));
          assert.equal(key.sign(message), expected);
          assert.equal(key.sign(latin1(message)), expected);
        }
      },
    ),
  );
});

test('an HMAC key reproduces published vectors', () => {
  for (const { key, keyRepeat = 1, data, 'SHA-256': code } of vectors.hmac)
    assert.equal(new HmacKey(fromHex(key.repeat(keyRepeat))).sign(fromHex(data)), latin1(fromHex(code)));
});

test('an HMAC key shows in no output', () => {
  const key = new HmacKey(new Uint8Array(32).fill(0x41));
  assert.doesNotMatch(
    inspect(key, { showHidden: true, depth: 9 }) + JSON.stringify(key) + String(key),
    /41|65|A{4}|119/,
  );
});

test('constant-time comparison compares', () => {
  assert.equal(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  assert.equal(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  assert.equal(constantTimeEqual(Uint8Array.of(1, 2), Uint8Array.of(1)), false);
});

test('HKDF gives no more than the standard allows', () => {
  const empty = new Uint8Array(0);
  assert.equal(hkdfSha256(empty, empty, empty, 255 * 32).length, 255 * 32);
  for (const length of [0, -1, 1.5, 255 * 32 + 1, Number.NaN]) {
    assert.throws(() => hkdfSha256(empty, empty, empty, length), { code: 'InvalidArgument' });
  }
});

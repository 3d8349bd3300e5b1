import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  byteStringToBytes,
  byteStringToUtf8,
  bytesToByteString,
  isByteString,
  utf8ToByteString,
} from './bytes.ts';
import { latin1, portableLatin1 } from './latin1.ts';

const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

describe('a ByteString', () => {
  test('has one character for each byte, of the same number', () => {
    const text = bytesToByteString(allBytes);
    assert.deepEqual(
      Array.from(text, (character) => character.charCodeAt(0)),
      [...allBytes],
    );
    assert.deepEqual(byteStringToBytes(text), allBytes);
  });

  test('of any length comes back as the bytes it was made from, with or without help of the runtime', () => {
    for (const length of [0, 1, 31, 32, 33, 4095, 4096, 4097, 100_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 37);
      const text = portableLatin1.toText(bytes);
      assert.equal(latin1.toText(bytes), text);
      for (const copy of [latin1, portableLatin1]) {
        const out = new Uint8Array(length);
        copy.toBytes(text, out, 0);
        assert.deepEqual(out, bytes);
      }
    }
  });

  test('is made of the bytes a view shows, not of the memory behind it', () => {
    assert.equal(bytesToByteString(allBytes.subarray(65, 68)), 'ABC');
  });

  test('orders as its bytes do', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (left, right) => {
        const bytewise = Buffer.compare(left, right) < 0;
        assert.equal(bytesToByteString(left) < bytesToByteString(right), bytewise);
      }),
    );
  });

  test('is never a string with a character above 255', () => {
    assert.equal(isByteString('\x00\xff'), true);
    assert.equal(isByteString('\x00\u0100'), false);
    assert.throws(() => byteStringToBytes('€'), { code: 'InvalidBytes' });
  });
});

describe('text', () => {
  test('survives the way through UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const bytes = utf8ToByteString(text);
        assert.deepEqual(byteStringToBytes(bytes), new Uint8Array(Buffer.from(text, 'utf8')));
        assert.equal(byteStringToUtf8(bytes), text);
      }),
    );
  });

  test('keeps a byte order mark', () => {
    assert.equal(byteStringToUtf8('\xef\xbb\xbfx'), '\ufeffx');
  });

  for (const [name, bytes] of [
    ['a lone continuation byte', '\x80'],
    ['an overlong form', '\xc0\x80'],
    ['a surrogate', '\xed\xa0\x80'],
    ['a truncated sequence', '\xe2\x82'],
    ['a code point beyond Unicode', '\xf4\x90\x80\x80'],
  ] as const) {
    test(`is not found in ${name}`, () => {
      assert.throws(() => byteStringToUtf8(bytes), { code: 'InvalidUtf8' });
    });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bytesOf,
  concatBytes,
  equalBytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  toBase64,
  toBase64Url,
  toHex,
} from './encoding.ts';

const bytes = fc.uint8Array({ maxLength: 100 });

test('hex, base64 and base64url say what Buffer says, and read it back', () => {
  fc.assert(
    fc.property(bytes, (data) => {
      const buffer = Buffer.from(data);
      assert.equal(toHex(data), buffer.toString('hex'));
      assert.equal(toBase64(data), buffer.toString('base64'));
      assert.equal(toBase64Url(data), buffer.toString('base64url'));
      assert.deepEqual(fromHex(toHex(data).toUpperCase()), data);
      assert.deepEqual(fromBase64(toBase64(data)), data);
      assert.deepEqual(fromBase64Url(toBase64Url(data)), data);
    }),
  );
});

const refusals: [name: string, read: (text: string) => Uint8Array, texts: string[]][] = [
  ['hex', fromHex, ['0', '0g', '0x00', ' 00', '00\n']],
  [
    'base64',
    fromBase64,
    ['A', 'AA', 'AA=', 'AAA', 'A===', 'AA==A', 'AB==', 'AA ==', 'AA==\n', 'A-==', '=AAA', '===='],
  ],
  ['base64url', fromBase64Url, ['A', 'AA==', 'AB', 'A+', 'A/', 'AA\n', ' AA', 'AAA=']],
];
for (const [name, read, texts] of refusals) {
  for (const text of texts) {
    test(`${JSON.stringify(text)} is not ${name}`, () => {
      assert.throws(() => read(text), { name: 'CryptoError', code: 'InvalidEncoding' });
    });
  }
}

test('joined bytes are the parts in order', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), (parts) => {
      assert.deepEqual(concatBytes(...parts), new Uint8Array(Buffer.concat(parts)));
    }),
  );
});

test('bytes are equal when they are the same bytes', () => {
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3)), false);
});

test('a text with a character above 255 is not a byte string', () => {
  assert.deepEqual(bytesOf('\u0000\u00ff'), Uint8Array.of(0, 255));
  assert.throws(() => bytesOf('a\u0100'), { code: 'InvalidArgument' });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pemBlocksMax, pemCharsMax } from './limits.ts';
import { decodePem, encodePem, singlePem } from './pem.ts';

const invalid = { name: 'CryptoError', code: 'InvalidEncoding' };

test('what is written is read back, in order, with text around it', () => {
  const label = fc.constantFrom('CERTIFICATE', 'PUBLIC KEY', 'X509 CRL');
  const block = fc.tuple(label, fc.uint8Array()).map(([label, der]) => ({ label, der }));
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 5 }), (blocks) => {
      const text = blocks.map(({ label, der }) => `subject=/CN=x\n${encodePem(label, der)}`).join('\n');
      assert.deepEqual(decodePem(text), blocks);
      assert.deepEqual(decodePem(text.replaceAll('\n', '\r\n')), blocks);
    }),
  );
});

test('lines are 64 characters long', () => {
  const lines = encodePem('CERTIFICATE', new Uint8Array(100)).split('\n');
  assert.deepEqual(
    lines.map((line) => line.length),
    [27, 64, 64, 8, 25, 0],
  );
});

const good = encodePem('CERTIFICATE', new Uint8Array(60));
const refused: [string, string][] = [
  ['no block', 'hello'],
  ['no end', good.slice(0, -27)],
  ['another end', good.replace('END CERTIFICATE', 'END PUBLIC KEY')],
  ['a block within a block', good.replace('\nAAAA', '\n-----BEGIN CERTIFICATE-----\nAAAA')],
  ['a header line', good.replace('\nAAAA', '\nProc-Type: 4,ENCRYPTED\n\nAAAA')],
  ['a comment in the body', good.replace('\nAAAA', '\n# AAAA')],
  ['a length that is not whole', good.replace('AAAA\n', 'AAA\n')],
  ['more blocks than the bound', good.repeat(pemBlocksMax + 1)],
  ['more characters than the bound', good + ' '.repeat(pemCharsMax)],
];
for (const [why, text] of refused) {
  test(`${why} is refused`, () => assert.throws(() => decodePem(text), invalid));
}

test('one block of a given label means just that', () => {
  assert.equal(singlePem(good, 'CERTIFICATE').der.length, 60);
  assert.throws(() => singlePem(good, 'PUBLIC KEY'), invalid);
  assert.throws(() => singlePem(good + good, 'CERTIFICATE'), invalid);
});

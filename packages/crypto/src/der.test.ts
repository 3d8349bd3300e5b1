import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDer, derChildren } from './der.ts';
import { fromHex, toHex } from './encoding.ts';
import { derBytesMax, derDepthMax } from './limits.ts';

const malformed = { name: 'CryptoError', code: 'MalformedDer' };

const accepted: [string, string][] = [
  ['an integer', '020100'],
  ['an empty sequence', '3000'],
  ['sequences that end together', '30063004' + '30020500'],
  ['an empty set between others', '3008' + '020100' + '3100' + '020100'],
  ['a length of two bytes', `308180${'0500'.repeat(64)}`],
];
for (const [what, hex] of accepted) {
  test(`${what} is DER`, () => checkDer(fromHex(hex)));
}

const refused: [string, string][] = [
  ['nothing', ''],
  ['a tag alone', '30'],
  ['a length of more than follows', '3001'],
  ['bytes behind', '300000'],
  ['an indefinite length', '30800000'],
  ['a long length that could be short', '30810100'],
  ['a long length with a leading zero', `30820080${'00'.repeat(128)}`],
  ['a length of five bytes', '30850000000001'],
  ['a high tag number', '1f8100'],
  ['a child longer than its parent', '3003020200'],
  ['a child cut short by its parent', '30010200'],
];
for (const [what, hex] of refused) {
  test(`${what} is not DER`, () => assert.throws(() => checkDer(fromHex(hex)), malformed));
}

test('nesting and size have bounds', () => {
  const nested = (depth: number) => {
    let bytes: number[] = [5, 0];
    for (let i = 0; i < depth; i++) {
      bytes = [
        0x30,
        ...(bytes.length < 0x80 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 255]),
        ...bytes,
      ];
    }
    return Uint8Array.from(bytes);
  };
  checkDer(nested(derDepthMax));
  assert.throws(() => checkDer(nested(derDepthMax + 1)), malformed);
  assert.throws(() => checkDer(new Uint8Array(derBytesMax + 1)), malformed);
});

test('children are given with their headers', () => {
  assert.deepEqual(derChildren(fromHex('300702010130020500')).map(toHex), ['020101', '30020500']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8ToByteString } from '@coco/kv';
import { showText, showValue, showWrites } from './readable.ts';

const texts: [name: string, bytes: string, shown: string][] = [
  ['ASCII', 'plain text', 'plain text'],
  ['UTF-8', utf8ToByteString('né 🙂'), 'né 🙂'],
  ['control characters', 'a\0b\n', 'a\\x00b\\x0a'],
  ['bytes that are no text', '\xff\x00a\xc3', '\\xff\\x00a\\xc3'],
];
for (const [name, bytes, shown] of texts) {
  test(`shown as a person reads it: ${name}`, () => assert.equal(showText(bytes), shown));
}

test('values are JSON where they are', () => {
  assert.deepEqual(['{"a":1}', '17', 'words', '\xff'].map(showValue), [{ a: 1 }, 17, 'words', '\\xff']);
});

test('writes are in the order of maps and keys, removals among them', () => {
  const writes = new Map([
    [
      'z',
      new Map([
        ['b', '1'],
        ['a', null],
      ]),
    ],
    ['a', new Map([['k', '"v"']])],
  ]);
  assert.equal(JSON.stringify(showWrites(writes)), '{"a":{"k":"v"},"z":{"a":null,"b":1}}');
});

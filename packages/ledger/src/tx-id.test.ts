import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTxId, parseTxId } from './index.ts';

test('transaction IDs are read and written', () => {
  for (const text of ['1.1', '2.35', '4.9007199254740991']) assert.equal(formatTxId(parseTxId(text)), text);
  assert.deepEqual(parseTxId('2.35'), { view: 2, seqno: 35 });
});

test('what is not a transaction ID is refused', () => {
  const refused = [
    '',
    '2',
    '2.',
    '.2',
    '0.1',
    '1.0',
    '-1.2',
    '2.35 ',
    ' 2.35',
    '2.35.1',
    '2,35',
    '0x2.3',
    '1e3.2',
  ];
  for (const text of [...refused, '2.3٥', '2.9007199254740992', '2.99999999999999999999', '2.35\n']) {
    assert.throws(() => parseTxId(text), { name: 'LedgerError', code: 'InvalidTxId' }, JSON.stringify(text));
  }
});

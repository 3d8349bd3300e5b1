import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTxId } from '@coco/ledger';
import fc from 'fast-check';
import { Memory, type Remembered } from './memory.ts';

function memory(remembered?: Remembered): { memory: Memory; saved: Remembered[] } {
  const saved: Remembered[] = [];
  const store = { load: () => remembered, save: (it: Remembered) => void saved.push(it) };
  return { memory: new Memory(store), saved };
}

const contradictions: [string, Remembered, string, string?][] = [
  ['another view at the same place', { transactionId: '2.10' }, '3.10'],
  ['a later transaction of an earlier view', { transactionId: '3.10' }, '2.11'],
  ['an earlier transaction of a later view', { transactionId: '2.10' }, '3.9'],
  ['another content at the same place', { transactionId: '2.10', leaf: 'aa' }, '2.10', 'bb'],
];
for (const [name, remembered, told, leaf] of contradictions) {
  test(`a service went back when it commits ${name}`, () => {
    assert.throws(() => memory(remembered).memory.committed(parseTxId(told), leaf), { code: 'WentBack' });
  });
}

test('a service went back when it calls invalid what it had committed', () => {
  assert.throws(() => memory({ transactionId: '2.10' }).memory.invalid(parseTxId('2.9')), {
    code: 'WentBack',
  });
});

test('an invalid transaction of another view contradicts nothing', () => {
  memory({ transactionId: '2.10' }).memory.invalid(parseTxId('1.9'));
  memory({ transactionId: '2.10' }).memory.invalid(parseTxId('2.11'));
});

test('only what is higher, or proves more, is saved', () => {
  const { memory: it, saved } = memory({ transactionId: '2.10' });
  it.committed(parseTxId('2.9'));
  it.committed(parseTxId('2.10'));
  it.committed(parseTxId('2.10'), 'aa');
  it.committed(parseTxId('3.12'));
  assert.deepEqual(saved, [{ transactionId: '2.10', leaf: 'aa' }, { transactionId: '3.12' }]);
});

test('an honest ledger, seen in any order, is never accused', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 30 });
  const ledger = steps.map((rises) => {
    const viewAt = (index: number) => rises.slice(0, index + 1).reduce((view, rise) => view + rise, 1);
    return rises.map((_rise, index) => ({ view: viewAt(index), seqno: index + 1 }));
  });
  const seen = ledger.chain((all) => fc.shuffledSubarray(all));
  fc.assert(
    fc.property(seen, (order) => {
      const { memory: it } = memory();
      for (const txId of order) it.committed(txId);
      const highest = order.reduce((top, { seqno }) => Math.max(top, seqno), 0);
      assert.equal(it.highest?.txId.seqno ?? 0, highest);
    }),
    { numRuns: 100 },
  );
});

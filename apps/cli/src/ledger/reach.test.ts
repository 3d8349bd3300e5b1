import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byReach, type Reach } from './reach.ts';

const ledger = (folder: string, lastSigned: string | null, lastEntry: number): Reach => {
  const [view, seqno] = lastSigned?.split('.').map(Number) ?? [];
  return { folder, lastSigned: view && seqno ? { view, seqno } : null, lastEntry };
};

const cases: [string, Reach[], string][] = [
  ['the longer one of a view comes first', [ledger('a', '2.10', 10), ledger('b', '2.20', 20)], 'ba'],
  [
    'a later view wins over a longer tail of an earlier one',
    [ledger('a', '2.90', 95), ledger('b', '3.40', 40)],
    'ba',
  ],
  ['what is signed counts, not what is written', [ledger('a', '2.10', 50), ledger('b', '2.20', 20)], 'ba'],
  [
    'where as much is signed, more entries come first',
    [ledger('a', '2.10', 10), ledger('b', '2.10', 12)],
    'ba',
  ],
  ['a ledger without a signature comes last', [ledger('a', null, 3), ledger('b', '2.2', 2)], 'ba'],
];
for (const [what, given, expected] of cases) {
  test(what, () => {
    assert.equal(
      byReach(given)
        .map(({ folder }) => folder)
        .join(''),
      expected,
    );
    assert.equal(
      byReach(given.toReversed())
        .map(({ folder }) => folder)
        .join(''),
      expected,
    );
  });
}

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { place } from '../testing/place.ts';
import { byReach, type Reach, reachOf } from './reach.ts';

const ledger = (folder: string, lastSigned: string | null, lastEntry: number): Reach => {
  const [view, seqno] = lastSigned?.split('.').map(Number) ?? [];
  return { folder, lastSigned: view && seqno ? { view, seqno } : null, lastEntry, missing: null };
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

const files: [string, string[], ReturnType<typeof reachOf>['missing']][] = [
  ['all of them', ['ledger_1-20.committed', 'ledger_21-40.committed', 'ledger_41'], null],
  ['those before it joined', ['ledger_21-40.committed', 'ledger_41'], { from: 1, to: 20 }],
  ['those while it was gone', ['ledger_1-20.committed', 'ledger_41'], { from: 21, to: 40 }],
  [
    'none that was set aside',
    ['ledger_1-20.committed', 'ledger_21.ignored', 'ledger_30'],
    { from: 21, to: 29 },
  ],
];
for (const [what, names, missing] of files) {
  test(`a folder says which entries it lacks: ${what}`, () => {
    using here = place();
    for (const name of names) writeFileSync(here.file(name), '');
    assert.deepEqual(reachOf(here.directory).missing, missing);
  });
}

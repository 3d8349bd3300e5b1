import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SnapshotState, snapshotIsDue } from './snapshots.ts';

const mebibyte = 1024 * 1024;

describe('a snapshot is due after so many transactions', () => {
  const cases: [string, SnapshotState, boolean][] = [
    ['not before', { transactions: 99, ledgerBytes: 100 * mebibyte, snapshotBytes: 0 }, false],
    ['then', { transactions: 100, ledgerBytes: 1, snapshotBytes: 0 }, true],
    [
      'however little they wrote beside what there is, if that is not much',
      { transactions: 100, ledgerBytes: 1, snapshotBytes: 16 * mebibyte },
      true,
    ],
    [
      'later when it is much',
      { transactions: 100, ledgerBytes: 167 * mebibyte, snapshotBytes: 100 * mebibyte },
      false,
    ],
    [
      'until the ledger has grown by twice as much',
      { transactions: 100, ledgerBytes: 168 * mebibyte, snapshotBytes: 100 * mebibyte },
      true,
    ],
  ];
  for (const [name, state, expected] of cases)
    test(name, () => assert.equal(snapshotIsDue(state, 100), expected));
});

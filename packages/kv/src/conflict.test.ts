import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RangeOptions, Store, type Tx } from './index.ts';
import { limits } from './limits.ts';

/** The store of every case: keys b, d, f in map m. */
function makeStore(): Store {
  const store = new Store();
  store.apply(1, new Map([['m', new Map(['b', 'd', 'f'].map((key) => [key, '1']))]]));
  store.retain();
  return store;
}

/** Reads so many rows, and no further. */
function take(tx: Tx, options: RangeOptions, rows: number): void {
  const range = tx.range('m', options);
  for (let i = 0; i < rows; i++) range.next();
}

const drain = (tx: Tx, options: RangeOptions): void => {
  for (const _ of tx.range('m', options));
};

interface Case {
  name: string;
  reads: (tx: Tx) => void;
  meanwhile: (tx: Tx) => void;
  outcome: 'committed' | 'conflict';
}

const cases: Case[] = [
  {
    name: 'a key that was read is written',
    reads: (tx) => tx.get('m', 'b'),
    meanwhile: (tx) => tx.set('m', 'b', '2'),
    outcome: 'conflict',
  },
  {
    name: 'a key that was read is written with the same value: its version is another',
    reads: (tx) => tx.get('m', 'b'),
    meanwhile: (tx) => tx.set('m', 'b', '1'),
    outcome: 'conflict',
  },
  {
    name: 'a key that was read is removed',
    reads: (tx) => tx.has('m', 'b'),
    meanwhile: (tx) => tx.delete('m', 'b'),
    outcome: 'conflict',
  },
  {
    name: 'a key found absent appears',
    reads: (tx) => tx.versionOf('m', 'c'),
    meanwhile: (tx) => tx.set('m', 'c', ''),
    outcome: 'conflict',
  },
  {
    name: 'a key found absent is removed again',
    reads: (tx) => tx.get('m', 'c'),
    meanwhile: (tx) => tx.delete('m', 'c'),
    outcome: 'committed',
  },
  {
    name: 'a key in a map that did not exist appears',
    reads: (tx) => tx.get('new', 'c'),
    meanwhile: (tx) => tx.set('new', 'c', ''),
    outcome: 'conflict',
  },
  {
    name: 'another key is written',
    reads: (tx) => tx.get('m', 'b'),
    meanwhile: (tx) => tx.set('m', 'd', '2'),
    outcome: 'committed',
  },
  {
    name: 'only its own write was read',
    reads: (tx) => {
      tx.set('m', 'b', '3');
      tx.get('m', 'b');
    },
    meanwhile: (tx) => tx.set('m', 'b', '2'),
    outcome: 'committed',
  },
  {
    name: 'nothing was read: the later of two blind writes wins',
    reads: (tx) => tx.set('m', 'b', '3'),
    meanwhile: (tx) => tx.set('m', 'b', '2'),
    outcome: 'committed',
  },
  {
    name: 'a range was opened and not pulled',
    reads: (tx) => take(tx, {}, 0),
    meanwhile: (tx) => tx.set('m', 'b', '2'),
    outcome: 'committed',
  },
  {
    name: 'the last row pulled from a range is written',
    reads: (tx) => take(tx, {}, 2),
    meanwhile: (tx) => tx.set('m', 'd', '2'),
    outcome: 'conflict',
  },
  {
    name: 'the row after the last one pulled is written',
    reads: (tx) => take(tx, {}, 2),
    meanwhile: (tx) => tx.set('m', 'f', '2'),
    outcome: 'committed',
  },
  {
    name: 'the row after the last one within the limit is written',
    reads: (tx) => drain(tx, { limit: 2 }),
    meanwhile: (tx) => tx.set('m', 'f', '2'),
    outcome: 'committed',
  },
  {
    name: 'a row appears between two that were pulled',
    reads: (tx) => take(tx, {}, 2),
    meanwhile: (tx) => tx.set('m', 'c', ''),
    outcome: 'conflict',
  },
  {
    name: 'a row appears before the first that was pulled',
    reads: (tx) => take(tx, {}, 1),
    meanwhile: (tx) => tx.set('m', '', ''),
    outcome: 'conflict',
  },
  {
    name: 'a row appears after the last of a range read to its end',
    reads: (tx) => drain(tx, { to: 'h' }),
    meanwhile: (tx) => tx.set('m', 'g', ''),
    outcome: 'conflict',
  },
  {
    name: 'a row appears at the exclusive end of a range',
    reads: (tx) => drain(tx, { to: 'g' }),
    meanwhile: (tx) => tx.set('m', 'g', ''),
    outcome: 'committed',
  },
  {
    name: 'a row appears beyond a prefix',
    reads: (tx) => drain(tx, { prefix: 'd' }),
    meanwhile: (tx) => tx.set('m', 'e', ''),
    outcome: 'committed',
  },
  {
    name: 'a row appears at the very cursor a page continued from',
    reads: (tx) => drain(tx, { after: 'c' }),
    meanwhile: (tx) => tx.set('m', 'c', ''),
    outcome: 'committed',
  },
  {
    name: 'the last row pulled in reverse is written',
    reads: (tx) => take(tx, { reverse: true }, 2),
    meanwhile: (tx) => tx.set('m', 'd', '2'),
    outcome: 'conflict',
  },
  {
    name: 'a row appears below the last one pulled in reverse',
    reads: (tx) => take(tx, { reverse: true }, 2),
    meanwhile: (tx) => tx.set('m', 'c', ''),
    outcome: 'committed',
  },
  {
    name: 'a row appears above the first one pulled in reverse',
    reads: (tx) => take(tx, { reverse: true }, 1),
    meanwhile: (tx) => tx.set('m', 'g', ''),
    outcome: 'conflict',
  },
  {
    name: 'the map grows after its size was read',
    reads: (tx) => tx.size('m'),
    meanwhile: (tx) => tx.set('m', 'c', ''),
    outcome: 'conflict',
  },
  {
    name: 'a value changes after the size was read',
    reads: (tx) => tx.size('m'),
    meanwhile: (tx) => tx.set('m', 'b', '2'),
    outcome: 'committed',
  },
  {
    name: 'the size stays but no longer follows with its own writes laid over',
    reads: (tx) => {
      tx.delete('m', 'b');
      tx.size('m');
    },
    meanwhile: (tx) => {
      tx.delete('m', 'b');
      tx.set('m', 'c', '');
    },
    outcome: 'conflict',
  },
  {
    name: 'a row appears in a map that was cleared',
    reads: (tx) => tx.clear('m'),
    meanwhile: (tx) => tx.set('m', 'c', ''),
    outcome: 'conflict',
  },
  {
    name: 'a map is created after the names were read',
    reads: (tx) => tx.maps(),
    meanwhile: (tx) => tx.set('new', '', ''),
    outcome: 'conflict',
  },
  {
    name: 'a known map is written after the names were read',
    reads: (tx) => tx.maps(),
    meanwhile: (tx) => tx.set('m', 'b', '2'),
    outcome: 'committed',
  },
  {
    name: 'more keys were read than are remembered: the map counts as read',
    reads: (tx) => {
      for (let i = 0; i <= limits.keyReadsMax; i++) tx.get('m', `x${i}`);
    },
    meanwhile: (tx) => tx.set('m', 'a', ''),
    outcome: 'conflict',
  },
  {
    name: 'more ranges were read than are remembered: the map counts as read',
    reads: (tx) => {
      for (let i = 0; i <= limits.rangeReadsMax; i++) take(tx, {}, 1);
    },
    meanwhile: (tx) => tx.set('m', 'g', ''),
    outcome: 'conflict',
  },
];

describe('a transaction that wrote, when meanwhile', () => {
  for (const { name, reads, meanwhile, outcome } of cases) {
    test(`${name}: ${outcome}`, () => {
      const store = makeStore();
      const tx = store.begin();
      reads(tx);
      tx.set('out', 'key', 'value');
      const other = store.begin();
      meanwhile(other);
      assert.equal(other.commit().kind, 'committed');
      assert.equal(tx.commit().kind, outcome);
    });
  }

  test('the store was rolled back, conflicts even if the same version was reached again', () => {
    const store = makeStore();
    store.apply(2, new Map([['m', new Map([['b', '2']])]]));
    const tx = store.begin();
    tx.set('out', 'key', tx.get('m', 'b') ?? '');
    store.rollback(1);
    store.apply(2, new Map([['m', new Map([['b', '3']])]]));
    assert.deepEqual(tx.commit(), { kind: 'conflict', map: 'm' });
  });

  test('a key read as absent came and went, commits: it would read the same now', () => {
    const store = makeStore();
    const tx = store.begin();
    tx.set('out', 'key', String(tx.has('m', 'c')));
    store.apply(2, new Map([['m', new Map([['c', '']])]]));
    store.apply(3, new Map([['m', new Map([['c', null]])]]));
    assert.equal(tx.commit().kind, 'committed');
  });

  test('a key read as present went and came, conflicts: it is another write', () => {
    const store = makeStore();
    const tx = store.begin();
    tx.set('out', 'key', String(tx.has('m', 'b')));
    store.apply(2, new Map([['m', new Map([['b', null]])]]));
    store.apply(3, new Map([['m', new Map([['b', '1']])]]));
    assert.deepEqual(tx.commit(), { kind: 'conflict', map: 'm' });
  });
});

test('a transaction that wrote nothing never conflicts', () => {
  const store = makeStore();
  const tx = store.begin();
  drain(tx, {});
  store.apply(2, new Map([['m', new Map([['b', '2']])]]));
  assert.deepEqual(tx.commit(), { kind: 'read-only', version: 1 });
});

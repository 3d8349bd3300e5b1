// The index against a slow truth: all records, looked through.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '@coco/kv';
import fc from 'fast-check';
import { segmentOf } from './audience.ts';
import { readU64, u64 } from './numbers.ts';
import { decodeRecord, encodeRecord, segmentsIn } from './record.ts';
import { tables } from './tables.ts';
import { TransactionIndex } from './transaction-index.ts';

const segments = [1, 2, 3].map((epoch) => segmentOf('a'.repeat(16), epoch));
const record = fc.record({
  view: fc.nat(100),
  time: fc.nat(),
  endpoint: fc.string({ maxLength: 300 }),
  by: fc.option(fc.string({ minLength: 1 })),
  parts: fc.subarray(segments).map((of) => of.map((segment, i) => ({ segment, marks: 'm'.repeat(8 * i) }))),
});
const acts = fc.array(fc.oneof(record, fc.nat(5)), { maxLength: 30 });

function seqnosIn(index: TransactionIndex, segment: string): number[] {
  return [...index.within(segment, 'oldest', { after: 0, before: Number.MAX_SAFE_INTEGER })];
}

test('it is what the records say, followed from the beginning or made of them, also after what is undone is gone', () => {
  fc.assert(
    fc.property(acts, (all) => {
      const store = new Store();
      const index = new TransactionIndex(store);
      for (const act of all) {
        if (typeof act === 'number') {
          store.rollback(Math.max(0, store.version - act));
        } else {
          const tx = store.begin();
          tx.set(tables.transactions, u64(store.version + 1), encodeRecord(act));
          tx.commit();
          store.retain();
        }
        const records = [...store.begin().range(tables.transactions)];
        const late = new TransactionIndex(store);
        for (const segment of segments) {
          const has = (value: string) => decodeRecord(value).parts.some((part) => part.segment === segment);
          const expected = records.filter(({ value }) => has(value)).map(({ key }) => readU64(key, 0));
          assert.deepEqual(seqnosIn(index, segment), expected);
          assert.deepEqual(seqnosIn(late, segment), expected);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('a stretch excludes both its ends, in either order', () => {
  const store = new Store();
  const [segment = ''] = segments;
  for (let i = 1; i <= 9; i++) {
    const parts = i % 2 === 0 ? [] : [{ segment, marks: '' }];
    const value = encodeRecord({ view: 2, time: 0, endpoint: '', by: null, parts });
    store.apply(i, new Map([[tables.transactions, new Map([[u64(i), value]])]]));
  }
  const index = new TransactionIndex(store);
  const within = (order: 'newest' | 'oldest', after: number, before: number) => [
    ...index.within(segment, order, { after, before }),
  ];
  assert.deepEqual(within('oldest', 0, 10), [1, 3, 5, 7, 9]);
  assert.deepEqual(within('newest', 1, 9), [7, 5, 3]);
  assert.deepEqual(within('oldest', 2, 6), [3, 5]);
  assert.deepEqual(within('newest', 3, 5), []);
  assert.deepEqual(within('oldest', 20, 5), []);
});

test('private maps that come later are taken in', () => {
  const store = Store.from(5, []);
  const index = new TransactionIndex(store);
  const [segment = ''] = segments;
  const value = encodeRecord({
    view: 2,
    time: 0,
    endpoint: 'POST /',
    by: null,
    parts: [{ segment, marks: '' }],
  });
  assert.deepEqual(segmentsIn(value), [segment]);
  store.adopt([[tables.transactions, [{ key: u64(3), value, version: 3 }]]]);
  assert.deepEqual(seqnosIn(index, segment), [3]);
});

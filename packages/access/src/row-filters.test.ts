// Filters against the store itself: what is there must never be denied.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, Store } from '@coco/kv';
import fc from 'fast-check';
import { RowFilters } from './row-filters.ts';

const segments = ['a', 'b', 'c'].map((letter) => letter.repeat(20));
const maps = ['audience:one', 'audience:two', 'plain'] as const;
const keys = 300;

type Step = readonly ['write' | 'remove' | 'ask', number] | readonly ['retain' | 'back' | 'adopt'];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom('write' as const, 'remove' as const), fc.nat()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('ask' as const), fc.nat()) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('retain' as const, 'back' as const, 'adopt' as const)) },
);

/** Twenty rows at once, somewhere. */
function rowsAt(number: number): [map: string, key: string][] {
  return Array.from({ length: 20 }, (_, i) => {
    const at = number + 7 * i;
    return [maps[at % 3] as string, `${segments[(at >> 2) % 3]}${at % keys}`];
  });
}

/** Rows that a recovery brings. */
function* lateRows(version: number): Generator<Row> {
  for (const segment of segments) yield { key: `${segment}late`, value: 'x', version };
}

function check(store: Store, filters: RowFilters): void {
  const state = store.begin();
  for (const map of [...maps.slice(0, 2), 'audience:late'])
    for (const { key } of state.range(map))
      assert.ok(filters.mayHave(key.slice(0, 20), map, key.slice(20)), `${map} ${key}`);
  state.discard();
}

test('what is there is never denied, whatever was written, removed, rolled back and brought in', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = new Store();
      const filters = new RowFilters(store);
      let retained = 0;
      let adopted = false;
      store.retain();
      for (const [what, number = 0] of steps) {
        if (what === 'ask') filters.mayHave(segments[number % 3] as string, maps[0], 'x');
        else if (what === 'back') store.rollback(retained);
        else if (what === 'retain') {
          store.retain();
          retained = store.version;
        } else if (what === 'adopt') {
          if (!adopted) store.adopt([['audience:late', lateRows(store.version)]]);
          adopted = true;
        } else {
          const tx = store.begin();
          for (const [map, key] of rowsAt(number)) {
            if (what === 'write') tx.set(map, key, 'x');
            else tx.delete(map, key);
          }
          tx.commit();
        }
        check(store, filters);
      }
    }),
    { numRuns: 200 },
  );
});

test('what is not there is hardly ever believed to be, however many rows came after the first question', () => {
  const store = new Store();
  const filters = new RowFilters(store);
  for (let i = 0; i < 5000; i++) {
    const tx = store.begin();
    tx.set(maps[0], `${segments[0]}${i}`, 'x');
    tx.commit();
    if (i % 10 === 0) filters.mayHave(segments[0] as string, maps[0], 'x');
  }
  let believed = 0;
  for (let i = 0; i < 5000; i++) if (filters.mayHave(segments[0] as string, maps[0], `no ${i}`)) believed++;
  assert.ok(believed < 100, `${believed} of 5,000`);
  check(store, filters);
});

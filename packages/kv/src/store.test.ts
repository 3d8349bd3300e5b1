import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Store } from './index.ts';

function storeOf(rows: Record<string, string>): Store {
  const store = new Store();
  const tx = store.begin();
  for (const [key, value] of Object.entries(rows)) tx.set('m', key, value);
  tx.commit();
  return store;
}

function keys(rows: Iterable<{ key: string }>): string {
  return [...rows].map((row) => row.key).join(' ');
}

describe('a transaction', () => {
  test('sees its own writes, merged in order in both directions', () => {
    const tx = storeOf({ a: '1', c: '3', e: '5' }).begin();
    tx.set('m', 'b', '2');
    tx.delete('m', 'c');
    tx.set('m', 'e', '6');
    assert.equal(keys(tx.range('m')), 'a b e');
    assert.equal(keys(tx.range('m', { reverse: true })), 'e b a');
    assert.equal(keys(tx.range('m', { after: 'b' })), 'e');
    assert.equal(keys(tx.range('m', { after: 'b', reverse: true })), 'a');
    assert.equal(keys(tx.range('m', { from: 'b', to: 'e' })), 'b');
    assert.equal(keys(tx.range('m', { limit: 2 })), 'a b');
    assert.equal(tx.size('m'), 3);
  });

  test('reads the version it began with while others commit', () => {
    const store = storeOf({ a: '1' });
    const reader = store.begin();
    const writer = store.begin();
    writer.set('m', 'a', '2');
    assert.deepEqual(writer.commit().kind, 'committed');
    assert.equal(reader.get('m', 'a'), '1');
    assert.deepEqual(reader.commit(), { kind: 'read-only', version: 1 });
  });

  test('conflicts when a key it read has changed', () => {
    const store = storeOf({ a: '1', b: '1' });
    const late = store.begin();
    late.set('m', 'b', late.get('m', 'a') ?? '');
    const early = store.begin();
    early.set('m', 'a', '2');
    early.commit();
    assert.deepEqual(late.commit(), { kind: 'conflict', map: 'm' });
  });

  test('conflicts when a row appeared in a range it read, and not when one appeared beyond', () => {
    for (const [key, kind] of [
      ['a5', 'conflict'],
      ['c', 'committed'],
    ] as const) {
      const store = storeOf({ a: '1', b: '1', d: '1' });
      const late = store.begin();
      late.set('m', 'z', keys(late.range('m', { limit: 2 })));
      const early = store.begin();
      early.set('m', key, '');
      early.commit();
      assert.equal(late.commit().kind, kind);
    }
  });
});

test('a store returns to a retained version and forgets what came after', () => {
  const store = storeOf({ a: '1' });
  store.retain();
  store.apply(2, new Map([['m', new Map([['a', null]])]]));
  assert.equal(store.at(2).has('m', 'a'), false);
  store.rollback(1);
  assert.equal(store.at(1).get('m', 'a'), '1');
  assert.throws(() => store.at(2), { code: 'VersionNotRetained' });
});

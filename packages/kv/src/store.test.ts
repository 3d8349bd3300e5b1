import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Row, Store, type WriteSet } from './index.ts';
import { limits } from './limits.ts';

function writing(map: string, rows: Record<string, string | null>): WriteSet {
  return new Map([[map, new Map(Object.entries(rows))]]);
}

function rowsOf(rows: Iterable<Row>): string {
  return Array.from(rows, ({ key, value, version }) => `${key}=${value}@${version}`).join(' ');
}

describe('a transaction', () => {
  test('becomes the next version, and says what it wrote', () => {
    const store = new Store();
    const tx = store.begin();
    tx.set('m', 'a', '1');
    tx.delete('m', 'b');
    assert.deepEqual(tx.commit(), {
      kind: 'committed',
      version: 1,
      writeSet: writing('m', { a: '1', b: null }),
    });
    assert.equal(rowsOf(store.begin().range('m')), 'a=1@1');
  });

  test('shows the committed version behind a key it has written over', () => {
    const store = new Store();
    store.apply(7, writing('m', { a: '1', b: '1' }));
    const tx = store.begin();
    tx.set('m', 'a', '2');
    tx.set('m', 'c', '2');
    assert.deepEqual([tx.versionOf('m', 'a'), tx.versionOf('m', 'c')], [7, undefined]);
    assert.equal(rowsOf(tx.range('m')), 'a=2@7 b=1@7 c=2@0');
  });

  test('is touched by any use of a map, and by nothing else', () => {
    const store = new Store();
    assert.equal(store.begin().touched, false);
    for (const use of ['get', 'has', 'versionOf', 'delete'] as const) {
      const tx = store.begin();
      tx[use]('m', '');
      assert.equal(tx.touched, true, use);
    }
    for (const use of ['size', 'range', 'clear', 'maps'] as const) {
      const tx = store.begin();
      tx[use]('m');
      assert.equal(tx.touched, true, use);
    }
  });

  test('names the maps it creates among those that were there', () => {
    const store = new Store();
    store.apply(1, writing('m', { a: '1' }));
    const tx = store.begin();
    tx.get('read-only', 'a');
    tx.set('z', '', '');
    tx.set('b', '', '');
    assert.deepEqual(tx.maps(), ['b', 'm', 'z']);
  });

  test('is over after commit and after discard, and so are its iterators', () => {
    for (const end of ['commit', 'discard'] as const) {
      const store = new Store();
      store.apply(1, writing('m', { a: '1', b: '1' }));
      const tx = store.begin();
      const rows = tx.range('m');
      rows.next();
      tx[end]();
      const finished = { code: 'TransactionFinished' };
      assert.throws(() => rows.next(), finished);
      assert.throws(() => tx.get('m', 'a'), finished);
      assert.throws(() => tx.set('m', 'a', ''), finished);
      assert.throws(() => tx.maps(), finished);
      assert.throws(() => tx.commit(), finished);
      tx.discard();
    }
  });

  test('left unfinished neither blocks the store nor sees it change', () => {
    const store = new Store();
    store.apply(1, writing('m', { a: '1' }));
    const forgotten = store.begin();
    for (let version = 2; version < 100; version++)
      store.apply(version, writing('m', { a: String(version) }));
    assert.equal(forgotten.get('m', 'a'), '1');
  });

  test('accepts what the limits allow and nothing beyond', () => {
    const tx = new Store().begin();
    tx.set(
      'n'.repeat(limits.mapNameUnitsMax),
      'k'.repeat(limits.keyBytesMax),
      'v'.repeat(limits.valueBytesMax),
    );
    assert.throws(() => tx.set('m', 'k'.repeat(limits.keyBytesMax + 1), ''), { code: 'KeyTooLong' });
    assert.throws(() => tx.delete('m', 'k'.repeat(limits.keyBytesMax + 1)), { code: 'KeyTooLong' });
    assert.throws(() => tx.set('m', 'k', 'v'.repeat(limits.valueBytesMax + 1)), { code: 'ValueTooLong' });
    assert.throws(() => tx.get('n'.repeat(limits.mapNameUnitsMax + 1), 'k'), { code: 'MapNameTooLong' });
    assert.throws(() => tx.set('m', '€', ''), { code: 'InvalidBytes' });
    assert.throws(() => tx.set('m', '', '€'), { code: 'InvalidBytes' });
  });

  test('that would create too many maps changes nothing', () => {
    const store = new Store();
    const named = (from: number, to: number): WriteSet => {
      const writeSet: WriteSet = new Map();
      for (let i = from; i < to; i++) writeSet.set(`m${i}`, new Map([['', '']]));
      return writeSet;
    };
    store.apply(1, named(0, limits.mapsMax - 1));
    assert.throws(() => store.apply(2, named(limits.mapsMax - 2, limits.mapsMax + 1)), {
      code: 'TooManyMaps',
    });
    assert.equal(store.version, 1);
    store.apply(2, named(limits.mapsMax - 2, limits.mapsMax));
    assert.equal([...store.at(2).maps()].length, limits.mapsMax);
  });
});

describe('a store', () => {
  test('applies versions with gaps, and never one it has passed', () => {
    const store = new Store();
    store.apply(5, writing('m', { a: '1' }));
    for (const version of [5, 4, 0, -1, 5.5, Number.NaN]) {
      assert.throws(() => store.apply(version, writing('m', { a: '2' })), { code: 'VersionNotNext' });
    }
    assert.equal(rowsOf(store.begin().range('m')), 'a=1@5');
  });

  test('returns to a retained version and forgets what came after', () => {
    const store = new Store();
    store.apply(1, writing('m', { a: '1' }));
    store.retain();
    store.apply(2, writing('m', { a: null, b: '2' }));
    store.retain();
    store.rollback(1);
    assert.equal(rowsOf(store.at(1).range('m')), 'a=1@1');
    assert.throws(() => store.at(2), { code: 'VersionNotRetained' });
    store.rollback(0);
    assert.deepEqual([store.version, [...store.at(0).maps()]], [0, []]);
  });

  test('neither reads nor returns to a version it has not kept', () => {
    const store = new Store();
    for (let version = 1; version <= 6; version++) {
      store.apply(version, writing('m', { a: String(version) }));
      if (version % 2 === 0) store.retain();
    }
    store.compact(4);
    assert.equal(store.compactedTo, 4);
    for (const version of [0, 2, 3, 5, 7]) {
      assert.throws(() => store.at(version), { code: 'VersionNotRetained' }, `at ${version}`);
      assert.throws(() => store.rollback(version), { code: 'VersionNotRetained' }, `rollback ${version}`);
    }
    assert.equal(store.at(4).get('m', 'a'), '4');
    assert.throws(() => store.compact(7), { code: 'VersionNotRetained' });
    store.compact(1);
    assert.equal(store.compactedTo, 4);
  });

  test('lets a snapshot be walked while it goes on, is rolled back, and compacted', () => {
    const store = new Store();
    const rows = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [String(1000 + i), '1']));
    store.apply(1, writing('m', rows));
    const snapshot = store.at(1);
    const seen: string[] = [];
    for (const { key, value, version } of snapshot.range('m')) {
      seen.push(key);
      assert.deepEqual([value, version], ['1', 1]);
      store.apply(store.version + 1, writing('m', { [key]: null, [`${key}x`]: 'new' }));
      if (store.version === 50) store.retain();
      if (store.version === 100) store.rollback(50);
      if (store.version === 60) store.compact(50);
    }
    assert.deepEqual(seen, Object.keys(rows));
    assert.equal(snapshot.size('m'), 200);
  });

  test('calls the hooks of a map with each local write, and only those', () => {
    const store = new Store();
    const calls: unknown[] = [];
    store.onWrite('m', (version, writes) => calls.push(['first', version, [...writes]]));
    store.onWrite('m', (version) => calls.push(['second', version, store.version]));
    store.onRollback((to) => calls.push(['rollback', to, store.version]));
    store.apply(1, writing('other', { a: '1' }));
    const tx = store.begin();
    tx.set('m', 'a', '1');
    assert.deepEqual(calls, []);
    tx.commit();
    store.retain();
    store.rollback(0);
    store.rollback(0);
    assert.deepEqual(calls, [
      ['first', 2, [['a', '1']]],
      ['second', 2, 2],
      ['rollback', 0, 0],
    ]);
  });

  test('made from maps is at their version, with the versions of their rows', () => {
    const rows = ['b', 'a', 'c'].map((key, i) => ({ key, value: key, version: i + 3 }));
    const store = Store.from(9, [
      ['m', rows],
      ['empty', []],
    ]);
    assert.deepEqual([store.version, store.compactedTo], [9, 9]);
    assert.equal(rowsOf(store.at(9).range('m')), 'a=a@4 b=b@3 c=c@5');
    assert.deepEqual([...store.at(9).maps()], ['empty', 'm']);
    assert.throws(() => store.at(0), { code: 'VersionNotRetained' });
    store.apply(10, writing('m', { a: null }));
    store.rollback(9);
    assert.equal(store.begin().get('m', 'a'), 'a');
  });

  test('copied row by row through a snapshot is the same store', () => {
    const store = new Store();
    for (let i = 1; i < 300; i++)
      store.apply(i, writing(`m${i % 3}`, { [String(i * 7919)]: 'v', [String(i)]: null }));
    const from = store.at(store.version);
    const copy = Store.from(
      from.version,
      Array.from(from.maps(), (name) => [name, from.range(name)]),
    );
    for (const name of from.maps()) assert.equal(rowsOf(copy.begin().range(name)), rowsOf(from.range(name)));
  });

  test('counts a map that was written and emptied as a map', () => {
    const store = new Store();
    store.apply(1, writing('m', { a: '1' }));
    store.apply(2, writing('m', { a: null }));
    store.apply(3, new Map([['never', new Map()]]));
    assert.deepEqual([...store.at(3).maps()], ['m']);
    assert.equal(store.at(3).size('m'), 0);
  });
});

describe('adopt', () => {
  test('puts whole maps beside the others, rows keep their versions, and open transactions conflict', () => {
    const lost = new Store();
    lost.apply(3, new Map([['private', new Map([['k', 'v']])]]));
    const store = new Store();
    store.apply(7, new Map([['public:x', new Map([['a', '1']])]]));
    const open = store.begin();
    open.get('private', 'k');
    open.set('public:x', 'a', '2');
    const kept = lost.at(3);
    store.adopt([['private', kept.range('private')]]);
    assert.deepEqual([...store.begin().range('private')], [{ key: 'k', value: 'v', version: 3 }]);
    assert.equal(store.version, 7);
    assert.equal(open.commit().kind, 'conflict');
    assert.throws(() => store.adopt([['public:x', []]]), { code: 'MapExists' });
  });

  test('survives a rollback to a version kept before, and is whole or not at all', () => {
    const store = new Store();
    store.apply(7, new Map([['public:x', new Map([['a', '1']])]]));
    store.retain();
    store.apply(8, new Map([['public:x', new Map([['a', '2']])]]));
    const before = store.at(7);
    const rows = [{ key: 'k', value: 'v', version: 3 }];
    const both: [string, typeof rows][] = [
      ['private', rows],
      ['public:x', rows],
    ];
    assert.throws(() => store.adopt(both), { code: 'MapExists' });
    assert.deepEqual([...store.at(8).maps()], ['public:x']);
    store.adopt([['private', rows]]);
    store.apply(9, new Map([['private', new Map([['k', 'w']])]]));
    store.rollback(7);
    assert.deepEqual([...store.at(7).range('private')], rows);
    assert.equal(store.at(7).get('public:x', 'a'), '1');
    assert.equal(before.has('private', 'k'), false);
  });
});

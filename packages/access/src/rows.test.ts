// Guarded rows against a slow truth: a plain list of who may see what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store, type Tx } from '@coco/kv';
import fc from 'fast-check';
import type { Home } from './audience.ts';
import { Audiences } from './audiences.ts';
import { CallAccess } from './call.ts';
import { listPage } from './listing.ts';
import type { Parcel, ParcelId } from './parcel.ts';
import { type Viewer, viewerOf } from './reader.ts';
import { TransactionIndex } from './transaction-index.ts';

const parties = ['a', 'b', 'c'] as const;
const viewers = parties.map((party) => viewerOf(`user of ${party}`, party, []));
const map = 'audience:things';
let drawn = 0;
const random = (length: number) => Uint8Array.from({ length }, () => (drawn = (drawn * 181 + 77) % 256));

interface Row {
  readonly readers: readonly string[];
  readonly key: string;
  value: string;
}

class World {
  readonly store = new Store();
  readonly audiences = new Audiences(this.store, random);
  readonly index = new TransactionIndex(this.store);
  /** What ought to be there. */
  rows: Row[] = [];
  readonly parcels = new Map<ParcelId, Parcel>();
  readonly home: Home;
  readonly listed: { readonly seqno: number; readonly readers: readonly string[] }[] = [];

  constructor(home: Home = 'everywhere') {
    this.home = home;
  }

  call(viewer: Viewer, act: (access: CallAccess) => void): void {
    const tx = this.store.begin();
    const access = this.begin(tx, viewer);
    act(access);
    for (const parcel of access.pack()) this.parcels.set(parcel.id, parcel);
    access.record({ view: 2, seqno: this.store.version + 1 }, this.store.version, 'POST /');
    tx.commit();
  }

  begin(tx: Tx, viewer: Viewer): CallAccess {
    const { audiences, home, parcels } = this;
    return new CallAccess(tx, {
      audiences,
      viewer,
      rule: { home },
      parcels: { find: (id) => parcels.get(id) },
    });
  }

  seenBy(viewer: Viewer): Row[] {
    return this.rows.filter(({ readers }) => readers.some((reader) => viewer.readers.includes(reader)));
  }

  set(viewer: Viewer, others: readonly string[], key: string, value: string): void {
    const readers = [
      ...new Set([`party:${viewer.party}`, ...others.map((party) => `party:${party}`)]),
    ].sort();
    const [present, ...more] = this.seenBy(viewer).filter((row) => row.key === key);
    // Which of several rows under one key is meant is not promised.
    if (more.length > 0) return;
    const before = this.store.version;
    this.call(viewer, (access) => {
      access.setAudience(readers);
      access.rows.set(map, key, value);
    });
    if (present) present.value = value;
    else this.rows.push({ readers, key, value });
    if (this.store.version > before) this.listed.push({ seqno: this.store.version, readers });
  }

  remove(viewer: Viewer, key: string): void {
    const [present, ...more] = this.seenBy(viewer).filter((row) => row.key === key);
    if (more.length > 0) return;
    this.call(viewer, (access) => access.rows.delete(map, key));
    this.rows = this.rows.filter((row) => row !== present);
    if (present) this.listed.push({ seqno: this.store.version, readers: present.readers });
  }

  check(viewer: Viewer): void {
    const expected = this.seenBy(viewer)
      .map(({ key, value }) => `${key}=${value}`)
      .sort();
    this.call(viewer, ({ rows }) => {
      assert.deepEqual([...rows.range(map)].map(({ key, value }) => `${key}=${value}`).sort(), expected);
      const backwards = [...rows.range(map, { reverse: true })].map(({ key }) => key);
      assert.deepEqual(backwards, backwards.toSorted().reverse());
      assert.equal(rows.size(map), expected.length);
      for (const key of ['x', 'y', 'z']) {
        const values = this.seenBy(viewer).filter((row) => row.key === key);
        assert.equal(rows.has(map, key), values.length > 0);
        const found = rows.get(map, key);
        assert.ok(values.length === 0 ? found === undefined : values.some(({ value }) => value === found));
      }
    });
    const query = { order: 'oldest', limit: 1000 } as const;
    const stretch = { after: 0, before: this.store.version + 1 };
    const page = listPage(
      { state: this.store.begin(), index: this.index },
      this.audiences.seenBy(viewer),
      query,
      stretch,
    );
    const seqnos = this.listed.filter(({ readers }) =>
      readers.some((reader) => viewer.readers.includes(reader)),
    );
    assert.deepEqual(
      page.items.map(({ seqno }) => seqno),
      seqnos.map(({ seqno }) => seqno),
    );
  }
}

for (const home of ['everywhere', 'parties'] as const) {
  test(`rows kept ${home}: lists show each viewer exactly its own, whatever is written and removed`, () =>
    showExactlyTheirs(home));
}

function showExactlyTheirs(home: Home): void {
  const act = fc.record({
    who: fc.nat(2),
    others: fc.subarray([...parties]),
    key: fc.constantFrom('x', 'y', 'z'),
    value: fc.option(fc.string({ unit: fc.constantFrom('1', '2', '\u00ff'), maxLength: 500 })),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 25 }), (acts) => {
      const world = new World(home);
      for (const { who, others, key, value } of acts) {
        const viewer = viewers[who] as Viewer;
        if (value === null) world.remove(viewer, key);
        else world.set(viewer, others, key, value);
      }
      for (const viewer of viewers) world.check(viewer);
    }),
    { numRuns: 60 },
  );
}

test('rows kept by the parties: the store holds slips, no key, no value and no ciphertext of them', () => {
  const world = new World('parties');
  const [viewer] = viewers as [Viewer];
  world.set(viewer, ['b'], 'the order', 'a dozen eggs');
  const state = world.store.begin();
  const held = state.maps().map((name) => [...state.range(name)].map(({ key, value }) => key + value).join());
  const all = held.join();
  for (const { bytes } of world.parcels.values()) assert.ok(!all.includes(bytes.slice(0, 12)));
  for (const text of ['the order', 'a dozen eggs']) assert.ok(!all.includes(text), text);
  const [slip] = [...state.range(map)];
  assert.equal(slip?.value.length, 36);
  assert.equal(world.parcels.size, 2, 'the row, and the key that opens it');
});

test('a call whose parcels are away is told so in every way of reading, and says which it needs', () => {
  const [viewer] = viewers as [Viewer];
  const ways: Readonly<Record<string, (access: CallAccess) => unknown>> = {
    get: ({ rows }) => rows.get(map, 'x'),
    has: ({ rows }) => rows.has(map, 'x'),
    size: ({ rows }) => rows.size(map),
    range: ({ rows }) => [...rows.range(map)],
    delete: ({ rows }) => rows.delete(map, 'x'),
    set: ({ rows }) => rows.set(map, 'x', '3'),
  };
  const needed = { get: 2, has: 1, size: 1, range: 3, delete: 1, set: 1 };
  for (const [name, way] of Object.entries(ways)) {
    const world = new World('parties');
    world.set(viewer, [], 'x', '1');
    world.set(viewer, [], 'y', '2');
    const kept = new Map(world.parcels);
    world.parcels.clear();
    for (let brought = -1; brought !== 0; ) {
      const tx = world.store.begin();
      const access = world.begin(tx, viewer);
      if (brought < 0) assert.throws(() => way(access), { code: 'ParcelsAway' }, name);
      else tryTo(() => way(access));
      brought = access.missing.length;
      for (const { id } of access.missing) world.parcels.set(id, kept.get(id) as Parcel);
      tx.discard();
    }
    assert.equal(world.parcels.size, needed[name as keyof typeof needed], `${name}: the key, and rows`);
  }
});

function tryTo(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ParcelsAway');
  }
}

test('a row that was moved to another key or map does not open', () => {
  const world = new World();
  const [viewer] = viewers as [Viewer];
  world.set(viewer, [], 'x', 'secret');
  const tx = world.store.begin();
  const [row] = [...tx.range(map)];
  assert.ok(row);
  tx.set(map, `${row.key.slice(0, -1)}y`, row.value);
  tx.commit();
  world.call(viewer, ({ rows }) => {
    assert.throws(() => rows.get(map, 'y'), { code: 'DecryptionFailed' });
    assert.equal(rows.get(map, 'x'), 'secret');
  });
});

for (const [about, others, there, outcome] of [
  ['new, of one who is in one audience', [], false, 'committed'],
  ['that is there, of one who is in one audience', [], true, 'committed'],
  ['new, of one who is in several', ['b'], false, 'committed'],
  ['that is there, of one who is in several', ['b'], true, 'conflict'],
] as const) {
  test(`two calls at once write a row ${about}: ${outcome}`, () => {
    const world = new World();
    const [viewer] = viewers as [Viewer];
    world.set(viewer, [], there ? 'x' : 'y', 'before');
    world.set(viewer, others, 'z', 'before');
    const [first, second] = ['1', '2'].map((value) => {
      const tx = world.store.begin();
      const access = world.begin(tx, viewer);
      access.setAudience(['caller']);
      access.rows.set(map, 'x', value);
      return tx;
    }) as [Tx, Tx];
    assert.equal(first.commit().kind, 'committed');
    assert.equal(second.commit().kind, outcome);
    const kept = outcome === 'committed' ? '2' : '1';
    world.call(viewer, ({ rows }) => {
      assert.equal(rows.get(map, 'x'), kept);
      assert.equal(rows.size(map), there ? 2 : 3);
    });
  });
}

test('a call finds again what it wrote itself for another audience', () => {
  const world = new World();
  const [viewer] = viewers as [Viewer];
  world.set(viewer, ['b'], 'y', 'before');
  world.set(viewer, ['c'], 'z', 'before');
  world.call(viewer, (access) => {
    access.setAudience(['caller']);
    access.setRowAudience(map, 'x', ['caller', 'b']);
    access.rows.set(map, 'x', '1');
    access.rows.delete(map, 'x');
    assert.equal(access.rows.get(map, 'x'), undefined);
  });
});

test('after a rollback the audiences are those of before', () => {
  const world = new World();
  const [viewer, other] = viewers as [Viewer, Viewer];
  world.set(viewer, [], 'x', '1');
  world.store.retain();
  const version = world.store.version;
  world.set(viewer, ['b'], 'y', '2');
  world.store.rollback(version);
  assert.deepEqual(world.audiences.seenBy(other), []);
  assert.equal(world.audiences.seenBy(viewer).length, 1);
});

test('audiences that a recovery brings back later are found', () => {
  const world = new World();
  const [viewer] = viewers as [Viewer];
  world.set(viewer, ['b'], 'x', '1');
  const recovered = world.store.at(world.store.version);
  const late = new World();
  assert.deepEqual(late.audiences.seenBy(viewer), []);
  late.store.adopt([...recovered.maps()].map((name) => [name, recovered.range(name)]));
  late.call(viewer, ({ rows }) => assert.equal(rows.get(map, 'x'), '1'));
});

// Guarded rows against a slow truth: a plain list of who may see what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '@coco/kv';
import fc from 'fast-check';
import { Audiences } from './audiences.ts';
import { CallAccess } from './call.ts';
import { listPage } from './listing.ts';
import { type Viewer, viewerOf } from './reader.ts';

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
  readonly audiences = new Audiences(this.store);
  /** What ought to be there. */
  rows: Row[] = [];
  readonly listed: { readonly seqno: number; readonly readers: readonly string[] }[] = [];

  call(viewer: Viewer, act: (access: CallAccess) => void): void {
    const tx = this.store.begin();
    const access = new CallAccess(tx, { audiences: this.audiences, viewer, rule: {}, random });
    act(access);
    access.record({ view: 2, seqno: this.store.version + 1 }, this.store.version, 'POST /');
    tx.commit();
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
    const page = listPage(this.store.begin(), this.audiences.seenBy(viewer), query, stretch);
    const seqnos = this.listed.filter(({ readers }) =>
      readers.some((reader) => viewer.readers.includes(reader)),
    );
    assert.deepEqual(
      page.items.map(({ seqno }) => seqno),
      seqnos.map(({ seqno }) => seqno),
    );
  }
}

test('rows and lists show each viewer exactly its own, whatever is written and removed', () => {
  const act = fc.record({
    who: fc.nat(2),
    others: fc.subarray([...parties]),
    key: fc.constantFrom('x', 'y', 'z'),
    value: fc.option(fc.string({ unit: fc.constantFrom('1', '2', '\u00ff'), maxLength: 500 })),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 25 }), (acts) => {
      const world = new World();
      for (const { who, others, key, value } of acts) {
        const viewer = viewers[who] as Viewer;
        if (value === null) world.remove(viewer, key);
        else world.set(viewer, others, key, value);
      }
      for (const viewer of viewers) world.check(viewer);
    }),
    { numRuns: 60 },
  );
});

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

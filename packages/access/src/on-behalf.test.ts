// What several nodes have to write alike for an audience, and nobody may write beyond it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '@coco/kv';
import { type AudienceId, audienceIdOf } from './audience.ts';
import { Audiences } from './audiences.ts';
import { CallAccess, type CallParts } from './call.ts';
import { AccessError } from './errors.ts';
import { anonymous, viewerOf } from './reader.ts';

const map = 'audience:things';
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

/** A store with a row of the parties `a` and `b`, and one of `a` and `c`, under one key. */
function founded() {
  const store = new Store();
  const audiences = new Audiences(store, random);
  const ids = ['b', 'c'].map((other): AudienceId => {
    const tx = store.begin();
    const access = new CallAccess(tx, { audiences, viewer: viewerOf('u', other, []), rule: {} });
    access.setAudience(['caller', 'a']);
    access.rows.set(map, 'k', `of a and ${other}`);
    const [key = ''] = [...(tx.writeSet().get(map)?.keys() ?? [])];
    access.record({ view: 2, seqno: store.version + 1 }, 0, 'POST /');
    tx.commit();
    return audienceIdOf(key);
  });
  const acting = (onBehalfOf: readonly AudienceId[]) => {
    const tx = store.begin();
    const parts: CallParts = {
      audiences,
      viewer: anonymous,
      rule: {},
      onBehalfOf,
      nonceOf: (place, value) => audiences.secret?.nonceOf(place, value) ?? assert.fail(),
    };
    return { tx, access: new CallAccess(tx, parts) };
  };
  return { ids: ids as [AudienceId, AudienceId], acting };
}

test('a call on behalf of an audience reads its rows and no others', () => {
  const { ids, acting } = founded();
  const { access } = acting([ids[0]]);
  assert.equal(access.rows.get(map, 'k'), 'of a and b');
  assert.equal(access.rows.size(map), 1);
  assert.equal(acting(ids).access.rows.size(map), 2);
  assert.equal(acting([]).access.rows.size(map), 0);
});

test('and writes there: without being asked where there is one audience, by name where there are several', () => {
  const { ids, acting } = founded();
  const { access, tx } = acting([ids[1]]);
  access.rows.set(map, 'new', 'x');
  access.rows.set(map, 'k', 'y');
  const written = [...(tx.writeSet().get(map)?.keys() ?? [])];
  assert.deepEqual(new Set(written.map(audienceIdOf)), new Set([ids[1]]));
  const several = acting(ids).access;
  assert.throws(() => several.rows.set(map, 'new', 'x'), missing);
  several.setRowAudience(map, 'new', ['a', 'b']);
  several.rows.set(map, 'new', 'x');
  const wider = acting([ids[0]]).access;
  for (const readers of [['a', 'c'], ['a'], ['a', 'b', 'c'], ['everybody']]) {
    wider.setRowAudience(map, 'new', readers);
    assert.throws(() => wider.rows.set(map, 'new', 'x'), tooWide);
  }
  assert.throws(() => acting([]).access.rows.set(map, 'new', 'x'), missing);
});

test('what it seals follows from place and content: alike for whoever does it, never alike for anything else', () => {
  const { ids, acting } = founded();
  const sealed = (key: string, value: string): string => {
    const { access, tx } = acting([ids[0]]);
    access.rows.set(map, key, value);
    const [row] = tx.writeSet().get(map)?.values() ?? [];
    return row ?? assert.fail();
  };
  assert.equal(sealed('new', 'x'), sealed('new', 'x'));
  const rows = ['x', 'y', '', 'xx'].flatMap((value) => ['new', 'other'].map((key) => sealed(key, value)));
  const vectors = rows.map((row) => row.slice(0, 12));
  assert.equal(new Set(vectors).size, rows.length);
});

test('and makes no secret where the service has none: it would be another at every node', () => {
  const store = new Store();
  const tx = store.begin();
  const parts = { audiences: new Audiences(store, random), viewer: anonymous, rule: {}, onBehalfOf: [] };
  const access = new CallAccess(tx, { ...parts, nonceOf: () => assert.fail() });
  access.setRowAudience(map, 'k', ['a', 'b']);
  assert.throws(() => access.rows.set(map, 'k', 'v'), tooWide);
  assert.equal(tx.wrote, false);
});

const tooWide = (error: unknown) => error instanceof AccessError && error.code === 'AudienceTooWide';
const missing = (error: unknown) => error instanceof AccessError && error.code === 'AudienceMissing';

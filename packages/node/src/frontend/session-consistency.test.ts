import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '@coco/kv';
import { SessionConsistency } from './session-consistency.ts';

const session = (id: number, view?: number) => ({
  id,
  interface: 'main',
  clientCertificate: null,
  ...(view === undefined ? {} : { view }),
});

function storeWithTwo(): Store {
  const store = new Store();
  for (const value of ['a', 'b']) {
    const tx = store.begin();
    tx.set('map', 'key', value);
    tx.commit();
    store.retain();
  }
  return store;
}

test('a session goes on within its view, and in no other', () => {
  const consistency = new SessionConsistency(storeWithTwo());
  const [mine, late] = [session(1), session(2)];
  assert.equal(consistency.refuse(mine, 2), undefined);
  assert.equal(consistency.refuse(mine, 2), undefined);
  assert.match(
    String(consistency.refuse(mine, 3)?.body),
    /established in view 2, and the service is now in view 3/,
  );
  assert.equal(consistency.refuse(late, 3), undefined);
});

test('a session ends when a primary that gives up takes transactions back within its view', () => {
  const store = storeWithTwo();
  const consistency = new SessionConsistency(store);
  const [mine, late] = [session(1), session(2)];
  assert.equal(consistency.refuse(mine, 2), undefined);
  store.rollback(1);
  const lost = consistency.refuse(mine, 2);
  assert.equal(lost?.status, 500);
  assert.equal(lost?.close, true);
  assert.match(String(lost?.body), /SessionConsistencyLost.*taken back/);
  assert.equal(consistency.refuse(late, 2), undefined);
});

test('a session at another node began in the view that was told with its request', () => {
  const consistency = new SessionConsistency(storeWithTwo());
  assert.notEqual(consistency.refuse(session(1, 2), 3), undefined);
  assert.equal(consistency.refuse(session(2, 3), 3), undefined);
});

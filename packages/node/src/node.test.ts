import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Effect } from './effect.ts';
import type { Event } from './event.ts';
import { Cluster } from './testing/cluster.ts';

/** A service of one node, and the kinds of the effects of its steps but for what it logs. */
function oneNode() {
  const cluster = new Cluster();
  const { node } = cluster.start();
  cluster.open(cluster.machines[0]!);
  let requests = 1000;
  const write = (headers: Readonly<Record<string, string>> = {}): Event => ({
    kind: 'request',
    id: ++requests,
    session: cluster.session(),
    request: { method: 'PUT', target: '/app/value', headers, body: new TextEncoder().encode('x') },
  });
  const kinds = (effects: readonly Effect[]): string[] =>
    effects.map(({ kind }) => kind).filter((kind) => kind !== 'log');
  const step = (...events: Event[]): string[] => kinds(node.step(events));
  return { node, step, write };
}

describe('what a write leaves to be done for the ledger', () => {
  test('is done after the answers have left', () => {
    const { step, write } = oneNode();
    assert.deepEqual(step(write(), write()), ['respond', 'respond', 'yield']);
    assert.deepEqual(step({ kind: 'resumed' }), ['append']);
    assert.deepEqual(step({ kind: 'resumed' }), []);
  });

  test('comes before whatever else happens first', () => {
    const { node, step, write } = oneNode();
    assert.deepEqual(step(write()), ['respond', 'yield']);
    assert.deepEqual(step(write()), ['append', 'respond', 'yield']);
    assert.equal(node.replica?.raft.last, node.replica!.store.version - 1);
    assert.equal(step({ kind: 'tick', now: 1, elapsedMs: 1 })[0], 'append');
    assert.equal(node.replica?.raft.last, node.replica?.store.version);
  });

  test('is done at once where nobody is answered before it', () => {
    const { step, write } = oneNode();
    assert.deepEqual(step(write({ prefer: 'wait=5' })), ['append']);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Store, type Tx } from '@coco/kv';
import { nodeInfos, nodePolicies, nodeStandings } from '../tables/nodes.ts';
import { nodeRecord } from '../testing/consortium.ts';
import { virtualClaims, virtualEvidence } from '../testing/platform.ts';
import { admitNode } from './admit.ts';
import type { NodePolicy } from './node-policy.ts';
import { type NodeReview, nodeCounts, recordReview, reviewNodes, roleNow } from './review.ts';
import { trustPlatform } from './trust-platform.ts';

const code = 'aa'.repeat(32);
const id = 'b'.repeat(64);
const second = 1000;

/** A service of one virtual node whose evidence was verified at zero. */
function service(): Tx {
  const tx = new Store().begin();
  trustPlatform(tx, virtualClaims(code));
  nodeInfos.set(tx, id, { ...nodeRecord('pem'), status: 'Trusted', quote_info: virtualEvidence(code, id) });
  const admission = admitNode(tx, { id, evidence: virtualEvidence(code, id) }, { now: 0 });
  assert.ok(admission.kind === 'admitted');
  nodeStandings.set(tx, id, { claims: admission.claims, role: admission.role, verified: 0 });
  return tx;
}

/** Reviews and records, as the primary does. */
function look(tx: Tx, now: number): NodeReview & { readonly counts: boolean } {
  const reviews = reviewNodes(tx, { now });
  recordReview(tx, reviews);
  return { ...reviews[0]!, counts: nodeCounts(tx, id, now) };
}

describe('a node that is in', () => {
  test('counts without end when the policy asks for no lease', () => {
    const { counts, until, standing } = look(service(), 1e15);
    assert.deepEqual([counts, until, standing?.role], [true, null, 'vote']);
  });

  test('counts until its lease has run out', () => {
    const tx = service();
    nodePolicies.set(tx, { lease: { seconds: 60 } });
    assert.deepEqual(
      [59, 60].map((at) => look(tx, at * second).counts),
      [true, false],
    );
  });

  test('counts for the grace period when a changed policy refuses it, from when that was seen', () => {
    const tx = service();
    const strict: NodePolicy = { platforms: { snp: {} }, graceSeconds: 10 };
    nodePolicies.set(tx, strict);
    const seen = look(tx, 100 * second);
    assert.equal(seen.admission.kind, 'refused');
    assert.equal(seen.until, 110 * second);
    assert.equal(nodeStandings.get(tx, id)?.refused?.since, 100 * second);
    assert.deepEqual(
      [109, 110].map((at) => look(tx, at * second).counts),
      [true, false],
    );
    nodePolicies.set(tx, {});
    const again = look(tx, 200 * second);
    assert.deepEqual([again.counts, again.until], [true, null]);
    assert.equal(nodeStandings.get(tx, id)?.refused, undefined);
  });

  test('without a standing has no grace', () => {
    const tx = service();
    nodeStandings.delete(tx, id);
    nodeStandings.set(tx, 'c'.repeat(64), { claims: virtualClaims(code), role: 'vote', verified: 0 });
    nodePolicies.set(tx, { platforms: { snp: {} }, graceSeconds: 1e6 });
    assert.equal(look(tx, second).counts, false);
  });

  test('may do less when the policy asks for more assurance, once the grace has run out', () => {
    const tx = service();
    const roles = (graceSeconds: number) =>
      nodePolicies.set(tx, { roles: { vote: 'processor' }, graceSeconds });
    roles(10);
    const now = 100 * second;
    assert.equal(look(tx, now).standing?.role, 'secrets');
    assert.deepEqual(nodeStandings.get(tx, id)?.lowered, { since: now, from: 'vote' });
    // Looked at again it gets no second grace.
    look(tx, now + 5 * second);
    assert.deepEqual(
      [9, 10].map((after) => roleNow(tx, id, now + after * second)),
      ['vote', 'secrets'],
    );
    nodePolicies.set(tx, {});
    look(tx, now + 20 * second);
    assert.equal(roleNow(tx, id, now + 20 * second), 'vote');
    assert.equal(nodeStandings.get(tx, id)?.lowered, undefined);
  });

  test('leaves nothing to record when nothing changed', () => {
    const tx = service();
    assert.deepEqual(recordReview(tx, reviewNodes(tx, { now: 5 })), []);
  });
});

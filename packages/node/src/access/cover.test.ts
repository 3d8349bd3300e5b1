import assert from 'node:assert/strict';
import { test } from 'node:test';
import { committedEverywhere, get, put, threeNodes, txIdOf } from '../testing/service.ts';

test('three nodes under cover: backups hear at beats, and a new primary goes on with them', () => {
  const { cluster, nodes } = threeNodes();
  const [first, second] = nodes;
  cluster.propose(first, { name: 'set_access_settings', args: { cover_ms: 500 } });
  cluster.pass(1_000);
  /** How many times entries came to a node that follows, while somebody wrote every 50 ms or nobody did. */
  const arrivals = (writes: boolean): number => {
    let count = 0;
    for (let at = 0; at < 2_000; at += 50) {
      const before = second.ledger.size;
      if (writes) put(cluster, first, `${at}`);
      cluster.pass(50);
      if (second.ledger.size > before) count += 1;
    }
    return count;
  };
  assert.equal(arrivals(false), 4);
  assert.equal(arrivals(true), 4);
  first.isUp = false;
  cluster.passUntil('another one leads', () => cluster.hasPrimary);
  const rest = nodes.filter(({ isUp }) => isUp);
  committedEverywhere(cluster, rest, txIdOf(put(cluster, cluster.primary, 'on')));
  for (const node of rest) assert.equal(get(cluster, node), 'on');
});

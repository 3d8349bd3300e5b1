import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UndoPreviewOut } from '@coco/api';
import { verifyStanding } from '@coco/ledger';
import type { Cluster } from '../testing/cluster.ts';
import type { Machine, Reply } from '../testing/machine.ts';
import { loseAll, submitShare } from '../testing/recovery.ts';
import { committedEverywhere, get, put, threeNodes, txIdOf } from '../testing/service.ts';

/** The preview at a node, asked for until its past values are read. */
function previewAt(cluster: Cluster, node: Machine, transaction: string): UndoPreviewOut {
  const asked = { transactions: [transaction], policy: 'restore' };
  let reply: Reply | undefined;
  cluster.passUntil('the preview is there', () => {
    reply = cluster.govern(node, '/gov/service/undo:preview', 'preview', asked);
    return reply.status === 200;
  });
  return reply?.json as UndoPreviewOut;
}

function proposeAt(cluster: Cluster, node: Machine, transaction: string, plan: string | undefined): Reply {
  const args = { transactions: [transaction], policy: 'restore', plan };
  return cluster.propose(node, { name: 'undo_transactions', args });
}

function standingAt(cluster: Cluster, node: Machine, transaction: string): string {
  const reply = cluster.request(node, 'GET', `/app/standing?transaction_id=${transaction}`);
  assert.equal(reply.status, 200, JSON.stringify(reply.json));
  return verifyStanding(reply.json, cluster.servicePem).standing;
}

describe('an undo on a service of three nodes', () => {
  test('has one plan on all of them, and is carried out by one that never saw the preview', () => {
    const { cluster, nodes } = threeNodes();
    const [first] = nodes;
    put(cluster, first, 'right');
    const mistake = txIdOf(put(cluster, first, 'wrong'));
    committedEverywhere(cluster, nodes, mistake);
    const plans = nodes.map((node) => previewAt(cluster, node, mistake).plan);
    assert.ok(plans[0] !== undefined);
    assert.deepEqual(new Set(plans).size, 1);

    cluster.primary.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    const next = cluster.primary;
    const proposed = proposeAt(cluster, next, mistake, plans[0]);
    assert.equal(proposed.status, 200, JSON.stringify(proposed.json));
    const rest = nodes.filter((node) => node.isUp);
    committedEverywhere(cluster, rest, txIdOf(proposed));
    for (const node of rest) {
      assert.equal(get(cluster, node), 'right');
      assert.equal(standingAt(cluster, node, mistake), 'undone');
    }
  });

  test('asks to be tried again by a primary that has still to read what is given back', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    put(cluster, first, 'right');
    const mistake = txIdOf(put(cluster, first, 'wrong'));
    committedEverywhere(cluster, nodes, mistake);
    const { plan } = previewAt(cluster, second, mistake);
    assert.throws(() => proposeAt(cluster, first, mistake, plan), /503.*UndoNotReady/);
    cluster.pass(100);
    committedEverywhere(cluster, nodes, txIdOf(proposeAt(cluster, first, mistake, plan)));
    assert.equal(get(cluster, second), 'right');
  });

  test('reaches back before a disaster', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    put(cluster, first, 'right');
    const mistake = txIdOf(put(cluster, first, 'wrong'));
    committedEverywhere(cluster, nodes, mistake);
    const lost = cluster.servicePem;
    const recovered = loseAll(cluster, second);
    cluster.open(recovered, lost);
    submitShare(cluster, recovered);
    cluster.passUntil('it is open', () => get(cluster, recovered) === 'wrong');
    const { plan } = previewAt(cluster, recovered, mistake);
    const proposed = proposeAt(cluster, recovered, mistake, plan);
    committedEverywhere(cluster, [recovered], txIdOf(proposed));
    assert.equal(get(cluster, recovered), 'right');
    assert.equal(standingAt(cluster, recovered, mistake), 'undone');
  });
});

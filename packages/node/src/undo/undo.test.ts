import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseTxId, verifyStanding } from '@coco/ledger';
import { Cluster } from '../testing/cluster.ts';
import type { Machine, Reply } from '../testing/machine.ts';
import { previewAt } from '../testing/preview.ts';
import { loseAll, submitShare } from '../testing/recovery.ts';
import { committedEverywhere, get, put, threeNodes, txIdOf, voters } from '../testing/service.ts';

/** A service on which a second node began after a snapshot, with a mistake long before that; both take part. */
function joinedLate() {
  const cluster = new Cluster({ snapshotEvery: 20 });
  const first = cluster.start();
  cluster.open(first);
  put(cluster, first, 'right');
  const mistake = txIdOf(put(cluster, first, 'wrong'));
  for (let i = 0; i < 40; i++) {
    cluster.request(first, 'PUT', '/app/other', { body: `${i}` });
    cluster.pass(10);
  }
  cluster.pass(200);
  const late = cluster.join(first);
  cluster.trust(late);
  cluster.passUntil('it takes part', () => voters(cluster, first) === 2);
  assert.ok(Math.min(...late.ledger.keys()) > parseTxId(mistake).seqno, 'its ledger begins later');
  return { cluster, first, late, mistake };
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
  test('says who may have read a mistake from the past', () => {
    const { cluster, nodes } = threeNodes();
    const [first] = nodes;
    const mistake = txIdOf(put(cluster, first, 'wrong'));
    committedEverywhere(cluster, nodes, mistake);
    const problems = () => previewAt(cluster, first, mistake, { policy: 'cascade' }).problems;
    assert.deepEqual(problems(), []);
    const body = JSON.stringify(parseTxId(mistake).seqno);
    let copied: Reply | undefined;
    cluster.passUntil('the past is read', () => {
      copied = cluster.request(first, 'PUT', '/app/copy', { body });
      return copied.status === 200;
    });
    committedEverywhere(cluster, nodes, txIdOf(copied!));
    assert.deepEqual(
      problems().map(({ code }) => code),
      ['ReadsNotRecorded'],
    );
  });

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

  test('is refused while its transaction is pending, and for one that never was committed', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'right')));
    for (const other of [second, third]) cluster.isolate(first, other);
    const lost = txIdOf(put(cluster, first, 'lost'));
    const pending = previewAt(cluster, first, lost);
    assert.deepEqual(
      pending.problems.map(({ code, message }) => [code, message.includes('pending')]),
      [['NotCommitted', true]],
    );
    first.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    const next = cluster.primary;
    committedEverywhere(cluster, [second, third], txIdOf(put(cluster, next, 'kept')));
    const invalid = previewAt(cluster, next, lost);
    assert.deepEqual(
      invalid.problems.map(({ code, message }) => [code, message.includes('invalid')]),
      [['NotCommitted', true]],
    );
    assert.throws(() => proposeAt(cluster, next, lost, 'ab'.repeat(32)), /only what is committed/);
    assert.equal(get(cluster, next), 'kept');
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

const nothingIsDecided = /503.*UndoNotReady.*Nothing is decided/;

describe('an undo of what was before a node’s snapshot', () => {
  test('has the same plan there, once it was lent the ledger, and is carried out by it', () => {
    const { cluster, first, late, mistake } = joinedLate();
    const waiting = { transactions: [mistake], policy: 'restore' };
    assert.equal(cluster.govern(late, '/gov/service/undo:preview', 'preview', waiting).status, 202);
    const [there, here] = [previewAt(cluster, first, mistake), previewAt(cluster, late, mistake)];
    assert.ok(there.plan !== undefined);
    assert.deepEqual({ ...here, basis: '' }, { ...there, basis: '' });
    assert.ok(!late.ledger.has(parseTxId(mistake).seqno), 'what was lent is not kept');

    cluster.propose(first, { name: 'remove_node', args: { node_id: first.id } });
    cluster.passUntil('the other leads', () => cluster.hasPrimary && cluster.primary === late);
    first.isUp = false;
    committedEverywhere(cluster, [late], txIdOf(proposeAt(cluster, late, mistake, here.plan)));
    assert.equal(get(cluster, late), 'right');
    assert.equal(standingAt(cluster, late, mistake), 'undone');
  });

  test('is neither refused nor done while no node has the ledger of that time', () => {
    const { cluster, first, late, mistake } = joinedLate();
    const { plan } = previewAt(cluster, first, mistake);
    cluster.propose(first, { name: 'remove_node', args: { node_id: first.id } });
    cluster.passUntil('the other leads', () => cluster.hasPrimary && cluster.primary === late);
    first.isUp = false;
    assert.throws(() => previewAt(cluster, late, mistake), nothingIsDecided);
    assert.throws(() => proposeAt(cluster, late, mistake, plan), /503.*UndoNotReady/);
    assert.equal(get(cluster, late), 'wrong');

    // An operator brings the files of the node that went. What was tried last is told once more.
    assert.throws(() => previewAt(cluster, late, mistake), nothingIsDecided);
    for (const [seqno, entry] of first.ledger) if (!late.ledger.has(seqno)) late.ledger.set(seqno, entry);
    assert.equal(previewAt(cluster, late, mistake).plan, plan);
    committedEverywhere(cluster, [late], txIdOf(proposeAt(cluster, late, mistake, plan)));
    assert.equal(get(cluster, late), 'right');
  });

  test('is not misled by a node that lends other entries', () => {
    const { cluster, first, late, mistake } = joinedLate();
    const seqno = parseTxId(mistake).seqno;
    const [right, wrong] = [first.ledger.get(seqno - 1), first.ledger.get(seqno)];
    first.ledger.set(seqno, right as Uint8Array);
    assert.throws(() => previewAt(cluster, late, mistake), nothingIsDecided);
    first.ledger.set(seqno, wrong as Uint8Array);
    assert.deepEqual(previewAt(cluster, late, mistake).undone, [mistake]);
  });

  test('and of a recovery that began with a snapshot, says what it lacks instead of finding nothing', () => {
    const { cluster, late, mistake } = joinedLate();
    const lost = cluster.servicePem;
    const recovered = loseAll(cluster, late);
    cluster.open(recovered, lost);
    submitShare(cluster, recovered);
    cluster.passUntil('it is open', () => get(cluster, recovered) === 'wrong');
    const asked = { transactions: [mistake], policy: 'restore' };
    assert.throws(() => {
      const told = () =>
        cluster.govern(recovered, '/gov/service/undo:preview', 'preview', asked).status !== 202;
      cluster.passUntil('it is told', told);
    }, /503.*UndoNotReady/);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loseAll, submitShare } from './testing/recovery.ts';
import {
  committedEverywhere,
  get,
  oneNodeWithSnapshots,
  put,
  threeNodes,
  txIdOf,
  voters,
} from './testing/service.ts';

describe('a service that lost all its nodes', () => {
  test('comes back by one, others join before the shares, and all read what was private', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    const old = txIdOf(put(cluster, first, 'secret of old'));
    committedEverywhere(cluster, nodes, old);
    const lost = cluster.servicePem;
    const recovered = loseAll(cluster, second);
    assert.equal(cluster.state(recovered).state, 'PartOfPublicNetwork');
    const others = [cluster.join(recovered), cluster.join(recovered)];
    const all = [recovered, ...others];
    cluster.passUntil('three nodes vote', () => voters(cluster, recovered) === 3);
    for (const node of all) assert.equal(cluster.state(node).state, 'PartOfPublicNetwork');
    cluster.open(recovered, lost);
    submitShare(cluster, recovered);
    cluster.passUntil('all take part', () =>
      all.every((node) => cluster.state(node).state === 'PartOfNetwork'),
    );
    for (const node of all) assert.equal(get(cluster, node), 'secret of old');
    committedEverywhere(cluster, all, txIdOf(put(cluster, recovered, 'new')));
    for (const node of all) assert.equal(get(cluster, node), 'new');

    recovered.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    committedEverywhere(cluster, others, txIdOf(put(cluster, cluster.primary, 'without it')));
    const late = cluster.join(cluster.primary);
    cluster.pass(1_000);
    cluster.trust(late);
    cluster.passUntil('it votes', () => voters(cluster, cluster.primary) === 4);
    assert.equal(get(cluster, late), 'without it');
  });

  test('is opened by another primary when the one that began is lost while it reads', () => {
    const { cluster, nodes } = threeNodes();
    const [first] = nodes;
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'kept')));
    const lost = cluster.servicePem;
    const recovered = loseAll(cluster, first);
    const others = [cluster.join(recovered), cluster.join(recovered)];
    cluster.passUntil('three nodes vote', () => voters(cluster, recovered) === 3);
    cluster.open(recovered, lost);
    // What it reads does not come any more; its share of the work is the others' now.
    recovered.readsNothing = true;
    submitShare(cluster, recovered);
    cluster.pass(200);
    assert.equal(cluster.state(recovered).state, 'ReadingPrivateLedger');
    recovered.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    cluster.passUntil('the service is open', () => get(cluster, cluster.primary) === 'kept');
    committedEverywhere(cluster, others, txIdOf(put(cluster, cluster.primary, 'on')));
  });

  test('comes back from the files of a node that had joined: a snapshot of then, and the ledger after it', () => {
    const { cluster, first } = oneNodeWithSnapshots(40);
    const second = cluster.join(first);
    cluster.pass(300);
    cluster.trust(second);
    cluster.passUntil('two nodes vote', () => voters(cluster, first) === 2);
    committedEverywhere(cluster, [first, second], txIdOf(put(cluster, first, 'after it joined')));
    cluster.propose(first, { name: 'trigger_ledger_rekey' });
    committedEverywhere(cluster, [first, second], txIdOf(put(cluster, first, 'the last')));
    assert.ok(!second.ledger.has(1), 'it never had the beginning');
    const lost = cluster.servicePem;

    const recovered = loseAll(cluster, second);
    assert.equal(cluster.state(recovered).state, 'PartOfPublicNetwork', cluster.story());
    const other = cluster.join(recovered);
    cluster.passUntil('two nodes vote again', () => voters(cluster, recovered) === 2);
    cluster.open(recovered, lost);
    submitShare(cluster, recovered);
    const all = [recovered, other];
    cluster.passUntil('all take part', () =>
      all.every((node) => cluster.state(node).state === 'PartOfNetwork'),
    );
    for (const node of all) assert.equal(get(cluster, node), 'the last');
    committedEverywhere(cluster, all, txIdOf(put(cluster, recovered, 'on')));
  });

  test('is told when its files are older than a snapshot proves', () => {
    const { cluster, first } = oneNodeWithSnapshots(40);
    const old = [...first.ledger].filter(([seqno]) => seqno < 20);
    first.ledger.clear();
    for (const [seqno, entry] of old) first.ledger.set(seqno, entry);
    const recovered = loseAll(cluster, first);
    assert.ok(
      recovered.log.some((line) => /^fail The ledger files are old: they end at \d+, but/.test(line)),
    );
  });

  test('passes over a snapshot that was damaged, and says which', () => {
    // The newest is of the end: none is taken while the other joins.
    const { cluster, first } = oneNodeWithSnapshots(64);
    const newest = [...first.snapshots.keys()].at(-1) ?? '';
    const bytes = first.snapshots.get(newest);
    if (bytes) bytes[bytes.length >> 1]! ^= 1;
    const late = cluster.join(first);
    cluster.pass(300);
    cluster.trust(late);
    cluster.passUntil('it votes', () => voters(cluster, first) === 2);
    assert.equal(get(cluster, late), 'value 63');
    assert.ok(
      late.log.some((line) => line.includes(`Snapshot ${newest} is refused`)),
      late.log.join('\n'),
    );
  });

  test('comes back though a recovery before was given up, and so does whoever joins then', () => {
    const { cluster, nodes } = threeNodes();
    const [first] = nodes;
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'kept')));
    const givenUp = loseAll(cluster, first);
    assert.equal(cluster.state(givenUp).state, 'PartOfPublicNetwork');
    const lost = cluster.servicePem;
    const recovered = loseAll(cluster, givenUp);
    cluster.open(recovered, lost);
    submitShare(cluster, recovered);
    const isOpen = (): boolean => cluster.state(recovered).state === 'PartOfNetwork';
    cluster.passUntil('the service is open', isOpen);
    assert.equal(get(cluster, recovered), 'kept', cluster.story());
    const joiner = cluster.join(recovered, { fetch_recent_snapshot: false });
    cluster.pass(300);
    cluster.trust(joiner, recovered);
    cluster.passUntil('the joiner votes', () => voters(cluster, recovered) === 2);
    committedEverywhere(cluster, [recovered, joiner], txIdOf(put(cluster, recovered, 'after')));
    assert.ok(joiner.ledger.has(1), 'it read the epoch that was given up');
    assert.equal(get(cluster, joiner), 'after');
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cluster } from './testing/cluster.ts';
import type { Machine, Reply } from './testing/machine.ts';
import {
  committedEverywhere,
  get,
  oneNodeWithSnapshots,
  put,
  threeNodes,
  txIdOf,
  voters,
} from './testing/service.ts';

function untilReceipt(cluster: Cluster, machine: Machine, path: string): Reply {
  cluster.passUntil('the receipt is there', () => cluster.request(machine, 'GET', path).status === 200);
  return cluster.request(machine, 'GET', path);
}

describe('nodes of one service', () => {
  test('join, hold the same ledger, and read what one of them wrote', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'one')));
    for (const node of nodes) assert.equal(get(cluster, node), 'one');
    for (const node of [second, third]) assert.deepEqual(node.ledger, first.ledger);
  });

  test('elect another primary when theirs is gone, and lose nothing that was committed', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'kept')));
    first.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary, 2_000);
    const rest = [second, third];
    assert.ok(rest.includes(cluster.primary));
    for (const node of rest) assert.equal(get(cluster, node), 'kept');
    committedEverywhere(cluster, rest, txIdOf(put(cluster, cluster.primary, 'after')));
    for (const node of rest) assert.equal(get(cluster, node), 'after');
  });

  test('a primary cut off from the others gives back what it alone has, and whoever waited hears of it', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'kept')));
    for (const other of [second, third]) cluster.isolate(first, other);
    const waiting = cluster.ask(first, 'PUT', '/app/value', { body: 'lost', headers: { prefer: 'wait=30' } });
    // They may need more than one election: candidates at the same moment share the votes.
    cluster.passUntil('the others elect', () => cluster.hasPrimary && cluster.primary !== first);
    cluster.passUntil('it gives up', () => cluster.consensus(first).leadership_state !== 'Leader');
    const elected = cluster.primary;
    committedEverywhere(cluster, [second, third], txIdOf(put(cluster, elected, 'new')));
    cluster.heal();
    cluster.passUntil('it follows again', () => get(cluster, first) === 'new');
    const lost = waiting();
    assert.ok(lost, 'whoever waited is answered');
    assert.equal(lost.status, 503, lost.text);
    assert.match(lost.text, /TransactionReplicationFailed/);
    assert.deepEqual(first.ledger, elected.ledger);
  });

  test('a new one waits for the vote, and learns what was written before from a snapshot', () => {
    const { cluster, first } = oneNodeWithSnapshots(60);
    assert.ok(first.snapshots.size > 0);
    const late = cluster.join(first);
    cluster.pass(1_000);
    assert.equal(cluster.state(late).state, 'Pending');
    assert.equal(cluster.request(late, 'GET', '/app/value').status, 503);
    cluster.trust(late);
    cluster.passUntil('it takes part', () => voters(cluster, first) === 2);
    assert.equal(get(cluster, late), 'value 59');
    assert.ok(Math.min(...late.ledger.keys()) > 20, 'its ledger begins after the snapshot');
    assert.deepEqual([...late.snapshots.keys()], [[...first.snapshots.keys()].at(-1)]);
    // It proves what was before its time with entries of the other node.
    const path = '/app/receipt?transaction_id=2.15';
    assert.deepEqual(untilReceipt(cluster, late, path).json, untilReceipt(cluster, first, path).json);
    committedEverywhere(cluster, [first, late], txIdOf(put(cluster, first, 'both')));
  });

  test('one that fell behind what the primary holds takes a snapshot, and keeps its votes', () => {
    const { cluster, nodes } = threeNodes({ snapshotEvery: 20 });
    const [first, second, third] = nodes;
    for (const other of [first, second]) cluster.isolate(third, other);
    for (let i = 0; i < 60; i++) {
      put(cluster, first, `value ${i}`);
      cluster.pass(10);
    }
    cluster.pass(200);
    const late = cluster.join(first);
    cluster.isolate(third, late);
    cluster.pass(500);
    cluster.trust(late, first);
    cluster.passUntil('it votes', () => voters(cluster, first) === 4);
    assert.ok(Math.min(...late.ledger.keys()) > Math.max(...third.ledger.keys()) + 1, 'there is a gap');
    cluster.propose(first, { name: 'remove_node', args: { node_id: first.id } });
    cluster.passUntil('another one leads', () => cluster.hasPrimary && cluster.primary !== first);
    first.isUp = false;
    cluster.pass(500);
    cluster.heal();
    second.isUp = false;
    const rest = [third, late];
    cluster.passUntil('the newcomer leads', () => cluster.hasPrimary && cluster.primary === late);
    cluster.passUntil('the other has caught up', () => get(cluster, third) === 'value 59');
    committedEverywhere(cluster, rest, txIdOf(put(cluster, late, 'by two')));
    assert.equal(get(cluster, third), 'by two');
    assert.ok(third.log.some((line) => line.includes('goes on after snapshot')));
  });

  test('one that was admitted and heard nothing finds a snapshot with a node it knows by its welcome alone', () => {
    const { cluster, first } = oneNodeWithSnapshots(60);
    const second = cluster.join(first);
    cluster.trust(second);
    cluster.passUntil('two nodes vote', () => voters(cluster, first) === 2);
    const third = cluster.join(first, { fetch_recent_snapshot: false });
    for (const other of [first, second]) cluster.isolate(third, other);
    cluster.trust(third, first);
    cluster.passUntil('it has its welcome', () => third.log.some((line) => line.includes('begins after 0')));
    cluster.propose(first, { name: 'remove_node', args: { node_id: first.id } });
    cluster.passUntil('another one leads', () => cluster.hasPrimary && cluster.primary === second);
    first.isUp = false;
    cluster.heal();
    cluster.passUntil('it goes on', () => third.log.some((line) => line.includes('goes on after snapshot')));
    const end = ({ ledger }: Machine): number => Math.max(...ledger.keys());
    cluster.passUntil('it has caught up', () => end(third) === end(second));
    assert.equal(get(cluster, third), 'value 59');
    assert.ok(Math.min(...second.ledger.keys()) > 20, 'who leads holds nothing before a snapshot');
  });

  test('refuse entries that are not what their primary made, and take them when they are', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    let bent = 0;
    // The last byte of a message with entries is of an entry: of its private part, its tree or its public part.
    cluster.tamper = (message) => {
      if (message[0] === 0 && message.length > 200) {
        bent += 1;
        message[message.length - 1 - (bent % 150)]! ^= 1;
      }
      return message;
    };
    const txId = txIdOf(put(cluster, first, 'as it was written'));
    cluster.pass(300);
    assert.ok(bent > 0);
    for (const backup of [second, third]) {
      assert.equal(get(cluster, backup), 'nothing');
      assert.ok(backup.log.some((line) => line.startsWith('fail Refused what the primary replicated')));
    }
    assert.notEqual(
      (cluster.request(first, 'GET', `/app/tx?transaction_id=${txId}`).json as { status: string }).status,
      'Committed',
    );
    cluster.tamper = (message) => message;
    committedEverywhere(cluster, nodes, txId);
    for (const node of nodes) assert.equal(get(cluster, node), 'as it was written');
  });

  test('one is retired, and stopped once that is committed; a retired primary hands over first', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    cluster.propose(first, { name: 'remove_node', args: { node_id: third.id } });
    const removable = (): number =>
      (cluster.request(cluster.primary, 'GET', '/node/network/removable_nodes').json as { nodes: [] }).nodes
        .length;
    cluster.passUntil('it is removable', () => removable() === 1);
    cluster.passUntil('it knows', () => cluster.consensus(third).retirement_phase === 'RetiredCommitted');
    third.isUp = false;
    committedEverywhere(cluster, [first, second], txIdOf(put(cluster, first, 'two')));

    cluster.propose(first, { name: 'remove_node', args: { node_id: first.id } });
    cluster.passUntil('another one leads', () => cluster.consensus(second).leadership_state === 'Leader');
    first.isUp = false;
    assert.equal(cluster.request(second, 'DELETE', `/node/network/nodes/${first.id}`).status, 200);
    committedEverywhere(cluster, [second], txIdOf(put(cluster, second, 'one')));
    const alone = { name: 'remove_node', args: { node_id: second.id } };
    assert.throws(() => cluster.propose(second, alone), /no node would be left/);
  });

  test('a primary that is told to stop hands over first: nothing answered is lost, and nobody waits for an election', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    const answered = txIdOf(put(cluster, first, 'before'));
    first.inbox.push({ kind: 'stop' });
    const late = cluster.ask(first, 'PUT', '/app/value', { body: 'too late' });
    cluster.settle();
    assert.equal(late()?.status, 503);
    assert.match(late()?.text ?? '', /PrimaryNotFound/);
    cluster.passUntil('it has stopped', () => first.exit !== undefined, 200);
    assert.equal(first.exit, 'Stopped by its operator.');
    assert.notEqual(cluster.primary, first);
    committedEverywhere(cluster, [second, third], answered);
    assert.equal(get(cluster, second), 'before');
    committedEverywhere(cluster, [second, third], txIdOf(put(cluster, cluster.primary, 'after')));
    // The last of them has nobody to hand over to.
    const alone = new Cluster();
    const only = alone.start();
    only.inbox.push({ kind: 'stop' });
    alone.settle();
    assert.equal(only.exit, 'Stopped by its operator.');
  });

  test('one that was voted out while it was cut off learns it from the ledger, answers no more and ends', () => {
    for (const snapshotEvery of [10_000, 20]) {
      const { cluster, nodes } = threeNodes({ snapshotEvery });
      const [first, second, third] = nodes;
      for (const other of [first, second]) cluster.isolate(third, other);
      cluster.propose(first, { name: 'remove_node', args: { node_id: third.id } });
      for (let i = 0; i < 40; i++) {
        put(cluster, first, `value ${i}`);
        cluster.pass(10);
      }
      const late = cluster.join(first);
      cluster.isolate(third, late);
      cluster.pass(500);
      cluster.trust(late);
      cluster.passUntil('it votes', () => voters(cluster, first) === 3);
      cluster.propose(first, { name: 'remove_node', args: { node_id: first.id } });
      cluster.passUntil('another one leads', () => cluster.hasPrimary && cluster.primary !== first);
      first.isUp = false;
      // It never had the lost one for a peer and, where it joined after a snapshot, lacks what that one lacks.
      second.node.replica?.step({ kind: 'transfer', to: late.id });
      cluster.passUntil('the newcomer leads', () => cluster.hasPrimary && cluster.primary === late);
      assert.equal(get(cluster, third), 'nothing', 'it cannot know');
      cluster.heal();
      const status = (): number => cluster.request(third, 'GET', '/app/value').status;
      cluster.passUntil('it knows', () => status() === 503);
      assert.match(cluster.request(third, 'GET', '/app/value').text, /NodeRetired/);
      assert.equal(cluster.request(third, 'GET', '/node/ready/app').status, 503);
      cluster.passUntil('it ends', () => third.exit !== undefined);
      assert.match(third.exit ?? '', /was retired/);
      committedEverywhere(cluster, [second, late], txIdOf(put(cluster, cluster.primary, 'without it')));
    }
  });

  test('all learn a new ledger secret, and a certificate of theirs that was renewed', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    cluster.propose(first, { name: 'trigger_ledger_rekey' });
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'under a new secret')));
    for (const node of nodes) assert.equal(get(cluster, node), 'under a new secret');
    const before = second.identities.get('Service')?.certificatePem;
    const validity = { valid_from: '2026-11-22T00:00:00Z', validity_period_days: 30 };
    cluster.propose(first, { name: 'set_all_nodes_certificate_validity', args: validity });
    cluster.pass(500);
    assert.notEqual(second.identities.get('Service')?.certificatePem, before);
    first.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    const [, ...rest] = nodes;
    committedEverywhere(cluster, rest, txIdOf(put(cluster, cluster.primary, 'written by another')));
  });

  test('one that was trusted before two new ledger secrets and comes in after them reads on', () => {
    const cluster = new Cluster();
    const first = cluster.start();
    cluster.open(first);
    const late = cluster.join(first);
    cluster.passUntil('it waits', () => cluster.state(late).state === 'Pending');
    cluster.trust(late);
    for (const _ of [1, 2]) cluster.propose(first, { name: 'trigger_ledger_rekey' });
    committedEverywhere(cluster, [first], txIdOf(put(cluster, first, 'under the third secret')));
    cluster.passUntil('it takes part', () => voters(cluster, first) === 2);
    cluster.passUntil('it follows', () => get(cluster, late) === 'under the third secret');
  });

  test('a joiner with another service, or another key, is refused and says so', () => {
    const cluster = new Cluster();
    const first = cluster.start();
    const other = new Cluster();
    other.start();
    const lost = cluster.join(first, { servicePem: other.servicePem });
    cluster.pass(1_000);
    assert.equal(lost.exit, undefined, 'the service may be given the right certificate yet');
    assert.ok(lost.log.some((line) => line.includes('not with a certificate of this service')));
  });

  test('a joiner that asks a backup is led to the primary, and begins with its snapshot', () => {
    const { cluster, nodes } = threeNodes({ snapshotEvery: 5 });
    const [first, second, third] = nodes;
    for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) {
      cluster.request(first, 'PUT', '/app/value', { body: value });
      cluster.pass(200);
    }
    cluster.passUntil('a snapshot is committed', () => first.snapshots.size > 0);
    const joiner = cluster.join(first);
    cluster.trust(joiner, first);
    const holds = ({ ledger }: { ledger: ReadonlyMap<number, unknown> }): boolean => ledger.size > 0;
    cluster.passUntil('the joiner follows', () => holds(joiner));
    assert.ok(Math.min(...joiner.ledger.keys()) > 1, 'it begins after a snapshot');
    // Neither it nor who comes by it holds the first entries.
    const latecomer = cluster.join(joiner);
    cluster.trust(latecomer, first);
    cluster.passUntil('the latecomer follows', () => holds(latecomer));
    for (const machine of [second, third, joiner, latecomer]) assert.equal(machine.exit, undefined);
  });

  test('prove a past write as long as one of them holds it undamaged, and believe no other entry', () => {
    for (const damaged of [[0], [0, 1], [0, 2], [0, 1, 2]]) {
      const { cluster, nodes } = threeNodes();
      const [first] = nodes;
      const txId = txIdOf(put(cluster, first, 'past'));
      committedEverywhere(cluster, nodes, txId);
      const seqno = Number(txId.split('.')[1]);
      for (const { ledger } of damaged.map((i) => nodes[i]!)) {
        const entry = ledger.get(seqno)!.slice();
        entry[entry.length - 1]! ^= 1;
        ledger.set(seqno, entry);
      }
      const path = `/app/receipt?transaction_id=${txId}`;
      const isLogged = (words: string) => first.log.some((line) => new RegExp(words).test(line));
      assert.equal(cluster.request(first, 'GET', path).status, 202);
      if (damaged.length < nodes.length) {
        const { proof } = untilReceipt(cluster, first, path).json as { proof: unknown[] };
        assert.ok(proof.length > 0);
      } else {
        cluster.passUntil('all were asked', () => isLogged('no node that answers holds'));
        assert.ok(isLogged('The nodes that were asked do not give back .* does not open'));
        assert.equal(cluster.request(first, 'GET', path).status, 202);
      }
      assert.ok(isLogged("This node's ledger files do not give back"));
    }
  });

  test('give a write that waits its receipt, whichever of them was asked', () => {
    const { cluster, nodes } = threeNodes();
    for (const node of nodes) {
      const more = { body: 'kept', headers: { prefer: 'wait=30, receipt' } };
      const answer = cluster.ask(node, 'PUT', '/app/value', more);
      cluster.passUntil('it is answered', () => answer() !== undefined);
      assert.equal(answer()?.headers['preference-applied'], 'wait, receipt');
      assert.ok(answer()?.headers['coco-receipt']);
    }
  });
});

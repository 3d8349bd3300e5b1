import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Entry, type Event, emptyJoiner, genesis, type NodeId, type Output, Raft } from './index.ts';

const BYTES = new Uint8Array([1, 2, 3]);

/** Nodes whose disks and network answer at once, in order, without loss. */
class Cluster {
  readonly nodes = new Map<NodeId, Raft>();
  readonly outputs = new Map<NodeId, Output[]>();
  readonly #ledgers = new Map<NodeId, Entry[]>();
  #queue: { readonly to: NodeId; readonly event: Event }[] = [];

  add(id: NodeId, first = false): Raft {
    const raft = new Raft({
      id,
      random: () => 0.5,
      origin: first ? genesis : emptyJoiner,
      heartbeatTicks: 10,
      electionTicks: 100,
      preVote: true,
      stickyLeader: true,
      eager: true,
    });
    this.nodes.set(id, raft);
    this.outputs.set(id, []);
    this.#ledgers.set(id, []);
    return raft;
  }

  step(id: NodeId, event: Event): void {
    this.#queue.push({ to: id, event });
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const raft = this.nodes.get(next.to);
      if (raft === undefined) continue;
      raft.step(next.event);
      for (const output of raft.ready()) this.#carryOut(next.to, output);
    }
  }

  propose(id: NodeId, ...kinds: Partial<Entry>[]): void {
    const raft = this.nodes.get(id)!;
    const entries = kinds.map((kind, i) => ({
      view: raft.view,
      seqno: raft.last + 1 + i,
      committable: false,
      bytes: BYTES,
      ...kind,
    }));
    this.step(id, { kind: 'propose', entries });
  }

  #carryOut(id: NodeId, output: Output): void {
    this.outputs.get(id)!.push(output);
    if (output.kind === 'send') {
      this.#queue.push({ to: output.to, event: { kind: 'received', from: id, message: output.message } });
    } else if (output.kind === 'truncate') {
      this.#ledgers.get(id)!.length = output.seqno;
    } else if (output.kind === 'read') {
      const entries = this.#ledgers.get(id)!.slice(output.from - 1, output.to);
      this.#queue.push({ to: id, event: { kind: 'entries-read', from: output.from, entries } });
    } else if (output.kind === 'append') {
      this.#ledgers.get(id)!.push(...output.entries);
      const seqno = output.entries.at(-1)!.seqno;
      this.#queue.push({ to: id, event: { kind: 'appended', seqno, token: output.token } });
    } else if (output.kind === 'sign') {
      const raft = this.nodes.get(id)!;
      const entry = { view: raft.view, seqno: raft.last + 1, committable: true, bytes: BYTES };
      this.#queue.push({ to: id, event: { kind: 'propose', entries: [entry] } });
    }
  }
}

const members = (...voters: NodeId[]) => ({ configuration: { voters, learners: [] } });
const SIGNATURE = { committable: true };

describe('a service of one node', () => {
  test('commits a signature when the disk has answered, and nothing before', () => {
    const raft = new Cluster().add('a', true);
    raft.step({
      kind: 'propose',
      entries: [
        { view: 2, seqno: 1, committable: false, bytes: BYTES, ...members('a') },
        { view: 2, seqno: 2, committable: true, bytes: BYTES },
      ],
    });
    const append = raft.ready().at(-1);
    assert.equal(append?.kind, 'append');
    assert.equal(raft.commit, 0);
    raft.step({ kind: 'appended', seqno: 1, token: 0 });
    assert.deepEqual(raft.ready(), []);
    raft.step({ kind: 'appended', seqno: 2, token: 0 });
    assert.deepEqual(raft.ready(), [{ kind: 'commit', seqno: 2 }]);
  });
});

describe('a service of three nodes', () => {
  test('replicates, loses its leader and goes on', () => {
    const cluster = new Cluster();
    cluster.add('a', true);
    cluster.propose('a', members('a'), SIGNATURE);
    cluster.add('b');
    cluster.add('c');
    cluster.propose('a', members('a', 'b', 'c'), SIGNATURE);
    cluster.propose('a', {}, {}, SIGNATURE);
    for (const raft of cluster.nodes.values()) assert.equal(raft.commit, 7);

    cluster.nodes.delete('a');
    for (let i = 0; i < 60; i++) {
      cluster.step('b', { kind: 'tick', ticks: 1 });
      if (i % 2 === 0) cluster.step('c', { kind: 'tick', ticks: 1 });
    }
    for (let i = 0; i < 60; i++) cluster.step('c', { kind: 'tick', ticks: 1 });
    const leader = cluster.nodes.get('b')!.leader!;
    assert.equal(leader, cluster.nodes.get('c')!.leader);
    cluster.propose(leader, {}, SIGNATURE);
    for (const raft of cluster.nodes.values()) assert.equal(raft.commit, 10);
  });
});

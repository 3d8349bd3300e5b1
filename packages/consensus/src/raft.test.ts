import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Entry,
  type Event,
  emptyJoiner,
  genesis,
  type Limits,
  type NodeId,
  type Origin,
  type Output,
  Raft,
} from './index.ts';

const BYTES = new Uint8Array([1, 2, 3]);

/** Nodes whose disks and network answer at once, in order, without loss. */
class Cluster {
  readonly nodes = new Map<NodeId, Raft>();
  readonly outputs = new Map<NodeId, Output[]>();
  readonly #ledgers = new Map<NodeId, Entry[]>();
  #queue: { readonly to: NodeId; readonly event: Event }[] = [];

  add(id: NodeId, origin: Origin = emptyJoiner, limits: Partial<Limits> = {}): Raft {
    const raft = new Raft({
      id,
      random: () => 0.5,
      origin,
      limits,
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
    const raft = new Cluster().add('a', genesis);
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
    cluster.add('a', genesis);
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

/** a leads b and c, and all of them are in step. */
function three(limits: Partial<Limits> = {}): Cluster {
  const cluster = new Cluster();
  cluster.add('a', genesis, limits);
  cluster.propose('a', members('a'), SIGNATURE);
  cluster.add('b', emptyJoiner, limits);
  cluster.add('c', emptyJoiner, limits);
  cluster.propose('a', members('a', 'b', 'c'), SIGNATURE);
  return cluster;
}

describe('a slow follower', () => {
  const limits = { memoryBytesMax: 100_000, inFlightBytesMax: 20_000, messageBytesMax: 5_000 };
  const bytes = new Uint8Array(1_000);

  test('neither slows the others nor makes the leader hold more than its bounds', () => {
    const cluster = three(limits);
    const leader = cluster.nodes.get('a')!;
    cluster.nodes.delete('c');
    for (let i = 0; i < 500; i++) {
      cluster.propose('a', { bytes }, { bytes }, SIGNATURE);
      const { commit, bytesInMemory, peers } = leader.status();
      assert.equal(commit, leader.last);
      assert.ok(bytesInMemory <= limits.memoryBytesMax, `${bytesInMemory} bytes in memory`);
      assert.ok(peers.get('c')!.bytesInFlight <= limits.inFlightBytesMax + limits.messageBytesMax);
    }
  });

  test('catches up with what the leader reads back, however far behind', () => {
    const cluster = three(limits);
    const slow = cluster.nodes.get('c')!;
    cluster.nodes.delete('c');
    for (let i = 0; i < 500; i++) cluster.propose('a', { bytes }, SIGNATURE);
    cluster.nodes.set('c', slow);
    cluster.step('a', { kind: 'tick', ticks: 10 });
    assert.equal(slow.commit, cluster.nodes.get('a')!.commit);
    assert.ok(cluster.outputs.get('a')!.some((output) => output.kind === 'read'));
  });
});

describe('where a node starts from', () => {
  const origin: Origin = {
    view: 7,
    leads: true,
    seqno: 20,
    viewHistory: [
      { view: 2, seqno: 1 },
      { view: 5, seqno: 11 },
    ],
    configurations: [],
    retiring: [],
  };

  test('a recovery leads the given view and goes on after what it has recovered', () => {
    const cluster = new Cluster();
    const raft = cluster.add('r', origin);
    assert.deepEqual([raft.role, raft.view, raft.last, raft.commit], ['Leader', 7, 20, 20]);
    cluster.propose('r', members('r'), SIGNATURE);
    assert.equal(raft.commit, 22);
    assert.deepEqual(
      [5, 15, 22].map((seqno) => raft.viewAt(seqno)),
      [2, 5, 7],
    );
    assert.deepEqual(raft.viewHistory().at(-1), { view: 7, seqno: 21 });
  });

  test('a snapshot brings the view of what it holds, and leaders of older ones are refused', () => {
    const raft = new Cluster().add('s', { ...origin, view: 0, leads: false });
    assert.deepEqual([raft.role, raft.view, raft.commit], ['None', 5, 20]);
    const previous = { view: 2, seqno: 20 };
    const message = { kind: 'append', view: 4, previous, entries: [], commit: 0, round: 0 } as const;
    raft.step({ kind: 'received', from: 'old', message });
    const [answer] = raft.ready();
    assert.equal(answer?.kind === 'send' && answer.message.kind, 'rejected');
  });

  test('a snapshot taken of a node starts another one that can follow and lead', () => {
    const cluster = three();
    cluster.propose('a', {}, SIGNATURE);
    const snapshot = cluster.nodes.get('a')!.snapshotOrigin();
    assert.deepEqual([snapshot.seqno, snapshot.configurations.length], [6, 1]);
    const joiner = cluster.add('d', snapshot);
    cluster.propose('a', members('a', 'b', 'c', 'd'), SIGNATURE);
    assert.equal(joiner.commit, 8);
    cluster.step('a', { kind: 'transfer', to: 'd' });
    assert.deepEqual([joiner.role, joiner.commit], ['Leader', 9]);
  });
});

describe('proposals', () => {
  const refused: [what: string, code: string, change: Partial<Entry>][] = [
    ['a seqno that is not the next', 'SeqnoNotNext', { seqno: 8 }],
    ['another view', 'ViewNotCurrent', { view: 3 }],
    ['a configuration without voters', 'ConfigurationInvalid', members()],
    ['a configuration that names a node twice', 'ConfigurationInvalid', members('a', 'a')],
    ['a removed node', 'NodeRetired', members('a', 'b', 'c')],
  ];
  for (const [what, code, change] of refused) {
    test(`with ${what} are refused, and change nothing`, () => {
      const cluster = three();
      cluster.propose('a', members('a', 'b'), SIGNATURE);
      assert.throws(() => cluster.propose('a', change), { name: 'ConsensusError', code });
      assert.equal(cluster.nodes.get('a')!.last, 6);
    });
  }

  test('are for leaders', () => {
    assert.throws(() => three().propose('b', {}), { code: 'NotLeader' });
  });

  test('are not admitted while too much is uncommitted, or leadership is being handed over', () => {
    const cluster = three({ uncommittedEntriesMax: 3 });
    const leader = cluster.nodes.get('a')!;
    assert.deepEqual([leader.admission, cluster.nodes.get('b')!.admission], ['open', 'not-leader']);
    cluster.propose('a', {}, {}, {});
    assert.equal(leader.admission, 'full');
    cluster.propose('a', SIGNATURE);
    assert.equal(leader.admission, 'open');
    cluster.nodes.delete('b');
    cluster.propose('a', {}, SIGNATURE);
    cluster.step('a', { kind: 'transfer', to: 'b' });
    assert.equal(leader.admission, 'handing-over');
  });
});

describe('the status of a node', () => {
  test('tells what /node/consensus has to report', () => {
    const cluster = three();
    cluster.step('a', { kind: 'tick', ticks: 3 });
    assert.deepEqual(cluster.nodes.get('a')!.status(), {
      id: 'a',
      role: 'Leader',
      membership: 'Active',
      retirementPhase: null,
      view: 2,
      leader: 'a',
      last: 4,
      durable: 4,
      commit: 4,
      committable: [],
      bytesInMemory: 2 * (3 + 64),
      configurations: [{ seqno: 3, voters: ['a', 'b', 'c'], learners: [] }],
      ticking: true,
      peers: new Map([
        ['b', { seqno: 4, silentTicks: 3, state: 'replicate', bytesInFlight: 0 }],
        ['c', { seqno: 4, silentTicks: 3, state: 'replicate', bytesInFlight: 0 }],
      ]),
    });
  });

  test('follows a removed node through its retirement', () => {
    const cluster = three();
    const phases = () => [...cluster.nodes.values()].map((raft) => raft.status().retirementPhase);
    cluster.propose('a', members('a', 'b'));
    assert.deepEqual(phases(), [null, null, 'Ordered']);
    cluster.propose('a', SIGNATURE);
    assert.deepEqual(phases(), [null, null, 'Completed']);
    assert.ok(cluster.outputs.get('a')!.some((output) => output.kind === 'retire'));
    cluster.propose('a', { retired: ['c'] }, SIGNATURE);
    assert.deepEqual(phases(), [null, null, 'RetiredCommitted']);
    assert.equal(cluster.nodes.get('c')!.status().ticking, false);
  });
});

describe('a removed node that had heard nothing', () => {
  const away = (cluster: Cluster): Raft => {
    const lost = cluster.nodes.get('c')!;
    cluster.nodes.delete('c');
    cluster.propose('a', members('a', 'b'), SIGNATURE);
    cluster.propose('a', { retired: ['c'] }, SIGNATURE);
    return lost;
  };
  const peers = (cluster: Cluster) => [...cluster.nodes.get('a')!.status().peers.keys()];

  test('is sent the entries that removed it, counts for nothing, and is left alone then', () => {
    const cluster = three();
    const lost = away(cluster);
    assert.deepEqual(peers(cluster), ['b']);
    cluster.nodes.set('c', lost);
    cluster.step('a', { kind: 'stray', node: 'c' });
    assert.equal(lost.retirementPhase, 'RetiredCommitted');
    assert.deepEqual(peers(cluster), ['b']);
    cluster.nodes.delete('b');
    cluster.step('a', { kind: 'stray', node: 'c' });
    const { commit } = cluster.nodes.get('a')!;
    cluster.propose('a', {}, SIGNATURE);
    assert.equal(cluster.nodes.get('a')!.commit, commit);
  });

  test('is forgotten when it does not answer, and no more of them are kept than the bound', () => {
    const cluster = three({ straysMax: 1 });
    away(cluster);
    cluster.step('a', { kind: 'stray', node: 'c' });
    cluster.step('a', { kind: 'stray', node: 'd' });
    assert.deepEqual(peers(cluster), ['b', 'c']);
    for (let i = 0; i < 10; i++) cluster.step('a', { kind: 'tick', ticks: 10 });
    assert.deepEqual(peers(cluster), ['b']);
    // A member is none, and a node that does not lead sends nothing.
    cluster.step('a', { kind: 'stray', node: 'b' });
    cluster.step('b', { kind: 'stray', node: 'c' });
    assert.deepEqual(peers(cluster), ['b']);
  });
});

describe('a snapshot that comes late', () => {
  test('is refused by a log that has caught up', () => {
    const cluster = three();
    const early = cluster.nodes.get('a')!.snapshotOrigin();
    cluster.propose('a', {}, SIGNATURE);
    const follower = cluster.nodes.get('b')!;
    assert.equal(follower.lacks({ view: 2, seqno: early.seqno }), false);
    assert.throws(() => follower.step({ kind: 'installed', origin: early }), { code: 'SnapshotNotNeeded' });
    assert.equal(follower.last, 6);
  });

  test('is welcome where the log is shorter, or another', () => {
    const follower = three().nodes.get('b')!;
    assert.equal(follower.lacks({ view: 2, seqno: 9 }), true);
    const joiner = new Cluster().add('z');
    assert.equal(joiner.lacks({ view: 2, seqno: 1 }), true);
  });
});

test('what the owner does not admit is neither appended nor acknowledged, and is taken when it comes again', () => {
  const asked: [number, number[]][] = [];
  let admits = false;
  const raft = new Raft({
    id: 'b',
    random: () => 0.5,
    origin: emptyJoiner,
    heartbeatTicks: 10,
    electionTicks: 100,
    preVote: true,
    stickyLeader: true,
    eager: true,
    admits: (after, entries) => {
      asked.push([after, entries.map(({ seqno }) => seqno)]);
      return admits;
    },
  });
  const entry = (seqno: number): Entry => ({ view: 2, seqno, committable: seqno === 2, bytes: BYTES });
  const entries = [entry(1), entry(2)];
  const message = {
    kind: 'append',
    view: 2,
    previous: { view: 0, seqno: 0 },
    entries,
    commit: 2,
    round: 0,
  } as const;
  raft.step({ kind: 'received', from: 'a', message });
  assert.deepEqual([raft.last, raft.commit], [0, 0]);
  assert.ok(raft.ready().every(({ kind }) => kind !== 'append' && kind !== 'send' && kind !== 'commit'));
  admits = true;
  raft.step({ kind: 'received', from: 'a', message });
  assert.deepEqual([raft.last, raft.commit], [2, 2]);
  // What is held is not asked for again.
  raft.step({ kind: 'received', from: 'a', message: { ...message, entries: [...entries, entry(3)] } });
  assert.deepEqual(asked, [
    [0, [1, 2]],
    [0, [1, 2]],
    [2, [3]],
  ]);
});

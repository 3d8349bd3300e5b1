import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Entry,
  emptyJoiner,
  type Message,
  type NodeId,
  type Output,
  Raft,
  type RaftOptions,
} from './index.ts';

/** The rules of the Raft paper (Ongaro and Ousterhout, extended version), by its sections. */

const HEARTBEAT = 10;
const ELECTION = 100;
const THREE = ['a', 'b', 'c'];
const FIVE = ['a', 'b', 'c', 'd', 'e'];

/** A node without entries, plain Raft: no pre-vote, nothing sticky. */
function nodeWith(options: Partial<RaftOptions> = {}): Raft {
  return new Raft({
    id: 'a',
    random: () => 0.5,
    origin: emptyJoiner,
    heartbeatTicks: HEARTBEAT,
    electionTicks: ELECTION,
    preVote: false,
    stickyLeader: false,
    eager: true,
    ...options,
  });
}

/** Entries of these views, from seqno 1; the first one establishes the members. All are committable. */
function logOf(views: readonly number[], voters: readonly NodeId[] = THREE): Entry[] {
  return views.map((view, at) => {
    const entry = { view, seqno: at + 1, committable: true, bytes: new Uint8Array(1) };
    return at === 0 ? { ...entry, configuration: { voters, learners: [] } } : entry;
  });
}

/** A follower that got this log from leaders called x, and has flushed it. */
function holding(entries: readonly Entry[], options: Partial<RaftOptions> = {}): Raft {
  const raft = nodeWith(options);
  let previous = { view: 0, seqno: 0 };
  for (const view of new Set(entries.map((entry) => entry.view))) {
    const part = entries.filter((entry) => entry.view === view);
    receive(raft, 'x', { kind: 'append', view, previous, entries: part, commit: 0, round: 0 });
    previous = { view, seqno: part.at(-1)!.seqno };
  }
  return raft;
}

/** Outputs of the step; the disk answers at once. */
function receive(raft: Raft, from: NodeId, message: Message): Output[] {
  raft.step({ kind: 'received', from, message });
  return settle(raft);
}

function settle(raft: Raft): Output[] {
  const all: Output[] = [];
  for (let outputs = raft.ready(); outputs.length > 0; outputs = raft.ready()) {
    for (const output of outputs) {
      all.push(output);
      if (output.kind === 'append') raft.step({ kind: 'appended', seqno: raft.last, token: output.token });
    }
  }
  return all;
}

function tick(raft: Raft, ticks: number): Output[] {
  raft.step({ kind: 'tick', ticks });
  return settle(raft);
}

function sent(outputs: readonly Output[]): { to: NodeId; message: Message }[] {
  return outputs.flatMap((output) =>
    output.kind === 'send' ? [{ to: output.to, message: output.message }] : [],
  );
}

/** Makes the node leader of the next view with the votes of everyone. */
function elect(raft: Raft, voters: readonly NodeId[] = THREE): void {
  tick(raft, ELECTION);
  for (const from of voters) {
    receive(raft, from, { kind: 'vote', view: raft.view, pre: false, granted: true });
  }
  assert.equal(raft.role, 'Leader');
}

function propose(raft: Raft, ...kinds: Partial<Entry>[]): Output[] {
  const entries = kinds.map((kind, at) => ({
    view: raft.view,
    seqno: raft.last + 1 + at,
    committable: true,
    bytes: new Uint8Array(1),
    ...kind,
  }));
  raft.step({ kind: 'propose', entries });
  return settle(raft);
}

const ofView = (view: number): Message[] => [
  { kind: 'append', view, previous: { view: 2, seqno: 1 }, entries: [], commit: 0, round: 0 },
  { kind: 'accepted', view, seqno: 1, round: 0 },
  { kind: 'rejected', view, previous: 1, estimate: { view: 2, seqno: 1 }, round: 0 },
  { kind: 'vote-request', view, pre: false, last: { view: 2, seqno: 1 } },
  { kind: 'vote', view, pre: false, granted: false },
  { kind: 'campaign', view },
  { kind: 'snapshot-needed', view, after: 0 },
];

describe('5.1 Raft basics', () => {
  for (const role of ['Follower', 'Candidate', 'Leader'] as const) {
    for (const message of ofView(9)) {
      test(`a ${role} adopts the newer view of a message "${message.kind}"`, () => {
        const raft = holding(logOf([2]));
        if (role === 'Candidate') tick(raft, ELECTION);
        if (role === 'Leader') elect(raft);
        receive(raft, 'b', message);
        assert.ok(raft.view >= 9);
        assert.notEqual(raft.role, 'Leader');
      });
    }
  }

  test('a leader of the past learns of the present; other old messages change nothing', () => {
    for (const message of ofView(1)) {
      const raft = holding(logOf([2]));
      const answers = sent(receive(raft, 'b', message));
      assert.deepEqual([raft.view, raft.role, raft.last], [2, 'Follower', 1]);
      const tells = message.kind === 'append' || message.kind === 'vote-request';
      assert.deepEqual(
        answers.map((answer) => answer.message.view),
        tells ? [2] : [],
      );
    }
  });
});

describe('5.2 Leader election', () => {
  test('a follower that hears nothing campaigns after half to the whole of the election timeout', () => {
    const waits = [0, 0.25, 0.5, 0.999].map((random) => {
      const raft = holding(logOf([2]), { random: () => random });
      let ticks = 0;
      for (; raft.role === 'Follower'; ticks++) tick(raft, 1);
      return ticks;
    });
    assert.deepEqual(waits, [100, 88, 75, 51]);
  });

  test('a candidate moves to the next view, votes for itself and asks all others', () => {
    const raft = holding(logOf([2], FIVE));
    const asked = sent(tick(raft, ELECTION));
    assert.deepEqual([raft.role, raft.view], ['Candidate', 3]);
    const message = { kind: 'vote-request', view: 3, pre: false, last: { view: 2, seqno: 1 } };
    assert.deepEqual(
      asked,
      ['b', 'c', 'd', 'e'].map((to) => ({ to, message })),
    );
    const answer = sent(receive(raft, 'b', { ...message, kind: 'vote-request' } as Message));
    assert.deepEqual(answer[0]?.message, { kind: 'vote', view: 3, pre: false, granted: false });
  });

  const elections: [size: number, granted: number, refused: number, role: string][] = [
    [1, 0, 0, 'Leader'],
    [3, 1, 0, 'Leader'],
    [3, 0, 2, 'Candidate'],
    [3, 1, 1, 'Leader'],
    [5, 1, 3, 'Candidate'],
    [5, 2, 0, 'Leader'],
  ];
  for (const [size, granted, refused, role] of elections) {
    test(`of ${size}, ${granted} granted and ${refused} refused make a ${role}`, () => {
      const voters = FIVE.slice(0, size);
      const raft = holding(logOf([2], voters));
      tick(raft, ELECTION);
      for (const [at, from] of voters.slice(1).entries()) {
        if (at >= granted + refused) break;
        receive(raft, from, { kind: 'vote', view: 3, pre: false, granted: at < granted });
      }
      assert.equal(raft.role, role);
    });
  }

  test('a vote counts once, and only if its voter is a member', () => {
    const raft = holding(logOf([2], FIVE));
    tick(raft, ELECTION);
    for (const from of ['b', 'b', 'z', 'y']) {
      receive(raft, from, { kind: 'vote', view: 3, pre: false, granted: true });
    }
    assert.equal(raft.role, 'Candidate');
  });

  test('one vote is given in a view, to whoever asks first', () => {
    const raft = holding(logOf([2]));
    const ask = (from: NodeId) => {
      const last = { view: 2, seqno: 1 };
      const answers = sent(receive(raft, from, { kind: 'vote-request', view: 3, pre: false, last }));
      return (answers[0]!.message as { granted: boolean }).granted;
    };
    assert.deepEqual([ask('b'), ask('c'), ask('b')], [true, false, true]);
  });

  test('a vote stays given when the node steps down within the view', () => {
    const leader = holding(logOf([2]));
    elect(leader);
    tick(leader, ELECTION);
    assert.deepEqual([leader.role, leader.view], ['Follower', 3]);
    const last = { view: 3, seqno: 1 };
    const [answer] = sent(receive(leader, 'b', { kind: 'vote-request', view: 3, pre: false, last }));
    assert.deepEqual(answer?.message, { kind: 'vote', view: 3, pre: false, granted: false });
  });

  test('what was verified with one leader is not acknowledged to the next', () => {
    const raft = holding(logOf([2, 2]), { preVote: true });
    tick(raft, ELECTION);
    receive(raft, 'b', { kind: 'vote', view: 2, pre: true, granted: true });
    tick(raft, ELECTION);
    assert.deepEqual([raft.role, raft.view], ['PreVoteCandidate', 3]);
    const previous = { view: 2, seqno: 1 };
    const heartbeat: Message = { kind: 'append', view: 3, previous, entries: [], commit: 0, round: 0 };
    const [answer] = sent(receive(raft, 'b', heartbeat));
    assert.deepEqual(answer?.message, { kind: 'accepted', view: 3, seqno: 1, round: 0 });
  });

  test('a candidate follows whoever won its view', () => {
    const raft = holding(logOf([2]));
    tick(raft, ELECTION);
    const previous = { view: 2, seqno: 1 };
    receive(raft, 'b', { kind: 'append', view: 3, previous, entries: [], commit: 0, round: 0 });
    assert.deepEqual([raft.role, raft.leader], ['Follower', 'b']);
  });
});

describe('5.3 Log replication', () => {
  const checks: [log: number[], previous: [number, number], answer: [string, number, number?]][] = [
    [
      [2, 2, 3],
      [2, 2],
      ['accepted', 2],
    ],
    [
      [2, 2, 3],
      [3, 3],
      ['accepted', 3],
    ],
    [
      [2, 2, 3],
      [4, 3],
      ['rejected', 3, 3],
    ],
    [
      [2, 2, 4],
      [3, 3],
      ['rejected', 2, 2],
    ],
    [
      [2, 2, 3],
      [3, 7],
      ['rejected', 3, 3],
    ],
    [[], [2, 4], ['rejected', 0, 0]],
  ];
  for (const [views, [view, seqno], [kind, at, ofView]] of checks) {
    test(`a log [${views}] answers an append after ${view}.${seqno} with ${kind} ${at}`, () => {
      const raft = holding(logOf(views));
      const message: Message = {
        kind: 'append',
        view: 5,
        previous: { view, seqno },
        entries: [],
        commit: 0,
        round: 0,
      };
      const answer = sent(receive(raft, 'b', message)).at(-1)!.message;
      const expected =
        kind === 'accepted'
          ? { kind, view: 5, seqno: at, round: 0 }
          : { kind, view: 5, previous: seqno, estimate: { seqno: at, view: ofView }, round: 0 };
      assert.deepEqual(answer, expected);
    });
  }

  const appends: [log: number[], previous: number, view: number, count: number, result: number[]][] = [
    [[2, 2], 2, 4, 2, [2, 2, 4, 4]],
    [[2, 2, 2, 2], 1, 2, 2, [2, 2, 2, 2]],
    [[2, 2, 4, 4], 1, 2, 3, [2, 2, 2, 2]],
    [[2, 2, 4, 4], 1, 2, 1, [2, 2, 4, 4]],
    [[2, 3, 3], 1, 4, 1, [2, 4]],
    [[], 0, 2, 3, [2, 2, 2]],
  ];
  for (const [views, previous, view, count, result] of appends) {
    test(`[${views}], sent ${count} of view ${view} after ${previous}, becomes [${result}]`, () => {
      const raft = holding(logOf(views));
      const entries = Array.from({ length: count }, (_, at) => {
        return { view, seqno: previous + 1 + at, committable: true, bytes: new Uint8Array(1) };
      });
      const place = { view: raft.viewAt(previous), seqno: previous };
      receive(raft, 'b', { kind: 'append', view: 5, previous: place, entries, commit: 0, round: 0 });
      assert.deepEqual(
        Array.from({ length: raft.last }, (_, at) => raft.viewAt(at + 1)),
        result,
      );
    });
  }

  const malformed: [what: string, previous: [number, number], entries: [number, number][]][] = [
    ['a gap', [2, 1], [[2, 3]]],
    [
      'two views',
      [2, 1],
      [
        [2, 2],
        [3, 3],
      ],
    ],
    ['views that fall', [3, 1], [[2, 2]]],
    ['a view beyond its own', [2, 1], [[9, 2]]],
  ];
  for (const [what, [view, seqno], places] of malformed) {
    test(`a message with ${what} changes nothing and is not answered`, () => {
      const raft = holding(logOf([2]));
      const entries = places.map(([ofView, at]) => {
        return { view: ofView, seqno: at, committable: true, bytes: new Uint8Array(1) };
      });
      const message: Message = {
        kind: 'append',
        view: 5,
        previous: { view, seqno },
        entries,
        commit: 1,
        round: 0,
      };
      assert.deepEqual(sent(receive(raft, 'b', message)), []);
      assert.deepEqual([raft.last, raft.commit], [1, 0]);
    });
  }

  /** Figure 7: what logs may look like when a leader comes to power, with views from 2 on. */
  const LEADER = [2, 2, 2, 5, 5, 6, 6, 7, 7, 7];
  const followers: Readonly<Record<string, number[]>> = {
    a: [2, 2, 2, 5, 5, 6, 6, 7, 7],
    b: [2, 2, 2, 5],
    c: [2, 2, 2, 5, 5, 6, 6, 7, 7, 7, 7],
    d: [2, 2, 2, 5, 5, 6, 6, 7, 7, 7, 8, 8],
    e: [2, 2, 2, 5, 5, 5, 5],
    f: [2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4],
  };
  for (const [name, views] of Object.entries(followers)) {
    test(`figure 7: the leader brings follower (${name}) to its own log`, () => {
      const leader = holding(logOf(LEADER, ['a', 'b']));
      const follower = holding(logOf(views, ['a', 'b']), { id: 'b' });
      tick(leader, ELECTION);
      tick(leader, ELECTION);
      receive(leader, 'b', { kind: 'vote', view: 9, pre: false, granted: true });
      const due = sent([...propose(leader, {}), ...tick(leader, HEARTBEAT)]);
      for (let next = due.shift(); next !== undefined; next = due.shift()) {
        const [at, from] = next.to === 'b' ? [follower, 'a'] : [leader, 'b'];
        due.push(...sent(receive(at, from, next.message)));
      }
      const viewsOf = (raft: Raft) => Array.from({ length: raft.last }, (_, i) => raft.viewAt(i + 1));
      assert.deepEqual(viewsOf(follower), [...LEADER, 9]);
      assert.equal(leader.commit, 11);
    });
  }

  test('an early message that arrives late does not shorten the log', () => {
    const raft = holding(logOf([2, 2, 2]));
    const entries = logOf([2, 2]);
    const previous = { view: 0, seqno: 0 };
    receive(raft, 'x', { kind: 'append', view: 2, previous, entries, commit: 0, round: 0 });
    assert.equal(raft.last, 3);
  });

  test('a follower commits up to the end of the message at most', () => {
    const raft = holding(logOf([2, 2, 2]));
    const previous = { view: 2, seqno: 2 };
    receive(raft, 'x', { kind: 'append', view: 2, previous, entries: [], commit: 3, round: 0 });
    assert.equal(raft.commit, 2);
  });
});

describe('5.4.1 Election restriction', () => {
  const asks: [voter: number[], candidate: [view: number, seqno: number], granted: boolean][] = [
    [[2, 2], [2, 2], true],
    [[2, 2], [2, 3], true],
    [[2, 2], [2, 1], false],
    [[2, 2], [3, 1], true],
    [[2, 3], [2, 9], false],
  ];
  for (const [views, [view, seqno], granted] of asks) {
    test(`a log [${views}] ${granted ? 'votes' : 'does not vote'} for one that ends with ${view}.${seqno}`, () => {
      const raft = holding(logOf(views));
      const last = { view, seqno };
      const answers = sent(receive(raft, 'b', { kind: 'vote-request', view: 9, pre: false, last }));
      assert.deepEqual(answers.at(-1)?.message, { kind: 'vote', view: 9, pre: false, granted });
    });
  }

  test('only what is committable counts: the rest does not survive the election', () => {
    const entries = logOf([2, 2]).map((entry) => ({ ...entry, committable: entry.seqno === 1 }));
    const raft = holding(entries);
    const last = { view: 2, seqno: 1 };
    const [answer] = sent(receive(raft, 'b', { kind: 'vote-request', view: 3, pre: false, last }));
    assert.deepEqual(answer?.message, { kind: 'vote', view: 3, pre: false, granted: true });
    assert.equal(raft.last, 1);
  });
});

describe('5.4.2 Committing entries from previous views', () => {
  test('an entry of an older view commits only beneath one of the current view', () => {
    const raft = holding(logOf([2, 2]));
    elect(raft);
    receive(raft, 'b', { kind: 'accepted', view: 3, seqno: 2, round: 0 });
    assert.equal(raft.commit, 0);
    propose(raft, {});
    receive(raft, 'b', { kind: 'accepted', view: 3, seqno: 3, round: 0 });
    assert.equal(raft.commit, 3);
  });

  test('a refusal is never taken for an acknowledgement', () => {
    const raft = holding(logOf([2]));
    elect(raft);
    propose(raft, {});
    const estimate = { view: 3, seqno: 2 };
    receive(raft, 'b', { kind: 'rejected', view: 3, previous: 2, estimate, round: 0 });
    assert.equal(raft.commit, 0);
  });
});

describe('6 Cluster membership changes', () => {
  const changes: [next: NodeId[], holders: NodeId[], committed: boolean][] = [
    [['a', 'b', 'c', 'd'], ['b'], false],
    [['a', 'b', 'c', 'd'], ['b', 'c'], true],
    [['a', 'b', 'c', 'd'], ['b', 'd'], true],
    [['d', 'e'], ['b', 'c'], false],
    [['d', 'e'], ['b', 'd'], false],
    [['d', 'e'], ['b', 'd', 'e'], true],
    [['d', 'e'], ['d', 'e'], false],
    [['a'], ['b'], true],
    [['a'], [], false],
  ];
  for (const [next, holders, committed] of changes) {
    test(`from [${THREE}] to [${next}], held by a and [${holders}]: ${committed ? '' : 'not '}committed`, () => {
      const raft = holding(logOf([2]));
      elect(raft);
      propose(raft, {});
      receive(raft, 'b', { kind: 'accepted', view: 3, seqno: 2, round: 0 });
      propose(raft, { configuration: { voters: next, learners: [] } });
      for (const from of holders) receive(raft, from, { kind: 'accepted', view: 3, seqno: 3, round: 0 });
      assert.equal(raft.commit, committed ? 3 : 2);
      assert.equal(raft.configurations.length, committed ? 1 : 2);
    });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceOn } from './advice.ts';
import type { NetworkStanding, NodeStanding } from './standing.ts';

const answers = { state: 'PartOfNetwork', role: 'Follower', view: 2, lastSigned: 9, committed: 9 } as const;

function node(id: string, more: Partial<NodeStanding> = {}): NodeStanding {
  const known = { status: 'Trusted', address: '127.0.0.1:1', votes: true, problem: null, lag: 0 } as const;
  return { id: id.repeat(64), ...known, answers: { ...answers, stopNotice: false }, ...more };
}

const away = { answers: null, problem: 'refused', lag: null };
const [a, b, c] = [node('a'), node('b'), node('c')];
const open = { service_status: 'Open', recovery_count: 0 } as const;
const well: NetworkStanding = { service: open, primary: a.id, nodes: [a, b, c], spare: 1 };

const cases: [string, NetworkStanding, RegExp[]][] = [
  ['all is well', well, []],
  [
    'one of three is away',
    { ...well, nodes: [a, b, node('c', away)], spare: 0 },
    [/^one more loss stops the service/, /^cccccccccccc does not answer.*coco node retire cccccccccccc$/],
  ],
  [
    'one of three has no vote',
    { ...well, nodes: [a, b, node('c', { votes: false })], spare: 0 },
    [/^one more loss stops the service/, /^cccccccccccc has no vote: it is catching up/],
  ],
  [
    'most are away',
    { ...well, primary: null, nodes: [a, node('b', away), node('c', away)], spare: -1 },
    [/^most trusted nodes do not answer.*network recovery/, /^bbbb/, /^cccc/],
  ],
  ['nobody leads', { ...well, primary: null }, [/^no node leads at this moment/]],
  [
    'one asks to join, one to leave',
    {
      ...well,
      nodes: [
        a,
        b,
        node('c', { answers: { ...answers, stopNotice: true } }),
        node('d', { status: 'Pending', ...away }),
      ],
    },
    [/^cccc.* asked to stop.*node retire/, /^dddd.* asks to join.*node trust dddddddddddd$/],
  ],
  [
    'an even number',
    { ...well, nodes: [a, b, c, node('d')], spare: 1 },
    [/^4 nodes bear no more losses than 3 do$/],
  ],
  ['one alone', { ...well, nodes: [a], spare: 0 }, [/^the service has one node/]],
  [
    'shares are awaited',
    { ...well, service: { ...open, service_status: 'WaitingForRecoveryShares' } },
    [/governance share/],
  ],
];
for (const [what, standing, expected] of cases) {
  test(`advice when ${what}`, () => {
    const advice = adviceOn(standing);
    assert.equal(advice.length, expected.length, advice.join('\n'));
    for (const [i, pattern] of expected.entries()) assert.match(advice[i]!, pattern);
  });
}

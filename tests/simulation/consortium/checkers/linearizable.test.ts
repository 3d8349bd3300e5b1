import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../history.ts';
import { explain } from './linearizable.ts';

/** `name from-to: action seen`, for instance `a 0-4: write 1 saw -`; `?` for an end that nobody knows. */
function operation(line: string): Operation {
  const [, invoked, returned, kind, operands = '', seen] =
    /^\w+ (\d+)-(\d+|\?): (write|swap|read)((?: [\w-]+)*?)(?: saw ([\w-]+))?$/.exec(line)!;
  const [first = '-', second = '-'] = operands.trim().split(' ');
  const valueIn = (text: string) => (text === '-' ? null : text);
  const actions = {
    write: { kind: 'write', value: first },
    swap: { kind: 'swap', from: valueIn(first), to: second },
    read: { kind: 'read' },
  } as const;
  return {
    client: 0,
    key: 'x',
    action: actions[kind as 'write'],
    isCurrent: true,
    invoked: Number(invoked),
    returned: returned === '?' ? null : Number(returned),
    seen: seen === undefined ? null : valueIn(seen),
    txId: null,
    outcome: returned === '?' ? 'unknown' : 'committed',
  };
}

const histories: readonly {
  readonly name: string;
  readonly holds: boolean;
  readonly lines: readonly string[];
}[] = [
  { name: 'nothing happened', holds: true, lines: [] },
  { name: 'a write, then a read of it', holds: true, lines: ['a 0-1: write 1 saw -', 'b 2-3: read saw 1'] },
  {
    name: 'a write, then a read of nothing',
    holds: false,
    lines: ['a 0-1: write 1 saw -', 'b 2-3: read saw -'],
  },
  {
    name: 'a read during a write sees either',
    holds: true,
    lines: ['a 0-9: write 1 saw -', 'b 1-2: read saw -', 'b 3-4: read saw 1'],
  },
  {
    name: 'a write is not seen and then unseen',
    holds: false,
    lines: ['a 0-9: write 1 saw -', 'b 1-2: read saw 1', 'b 3-4: read saw -'],
  },
  {
    name: 'two writers that overlap in either order',
    holds: true,
    lines: ['a 0-5: write 1 saw 2', 'b 0-5: write 2 saw -', 'c 6-7: read saw 1'],
  },
  {
    name: 'a lost update',
    holds: false,
    lines: ['a 0-5: write 1 saw -', 'b 0-5: write 2 saw -', 'c 6-7: read saw 2'],
  },
  {
    name: 'a swap that fits',
    holds: true,
    lines: ['a 0-1: write 1 saw -', 'b 2-3: swap 1 2 saw 1', 'c 4-5: read saw 2'],
  },
  {
    name: 'a swap that does not fit changes nothing',
    holds: true,
    lines: ['a 0-1: write 1 saw -', 'b 2-3: swap 7 2 saw 1', 'c 4-5: read saw 1'],
  },
  {
    name: 'two swaps from one value both succeed',
    holds: false,
    lines: ['a 0-1: write 1 saw -', 'b 2-9: swap 1 2 saw 1', 'c 2-9: swap 1 3 saw 1'],
  },
  { name: 'an unknown write that was seen', holds: true, lines: ['a 0-?: write 1', 'b 5-6: read saw 1'] },
  { name: 'an unknown write that was not', holds: true, lines: ['a 0-?: write 1', 'b 5-6: read saw -'] },
  {
    name: 'an unknown write seen before it was sent',
    holds: false,
    lines: ['b 0-1: read saw 1', 'a 2-?: write 1'],
  },
  {
    name: 'an unknown write that takes effect late',
    holds: true,
    lines: ['a 0-?: write 1', 'b 5-6: read saw -', 'b 7-8: read saw 1'],
  },
  {
    name: 'an unknown write happens once',
    holds: false,
    lines: ['a 0-?: write 1', 'b 1-2: write 2 saw 1', 'b 3-4: read saw 1'],
  },
  {
    name: 'reads of one client go forward',
    holds: false,
    lines: ['a 0-1: write 1 saw -', 'b 2-3: write 2 saw 1', 'c 4-5: read saw 1'],
  },
];

for (const { name, holds, lines } of histories) {
  test(`${holds ? 'explained' : 'refused'}: ${name}`, () => {
    assert.equal(explain(lines.map(operation)) === null, holds);
  });
}

test('a long history with many unknown operations is decided quickly', () => {
  const lines: string[] = [];
  for (let i = 0; i < 500; i++) {
    lines.push(`a ${10 * i}-${10 * i + 9}: write ${i} saw ${i === 0 ? '-' : i - 1}`);
    if (i % 20 === 0) lines.push(`b ${10 * i}-?: write lost${i}`);
  }
  assert.equal(explain(lines.map(operation)), null);
});

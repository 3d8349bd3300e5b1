import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { everyQuorum, majority, quorumSeqno } from './quorum.ts';

const nodes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;
const membership = fc
  .uniqueArray(fc.constantFrom(...nodes), { minLength: 1 })
  .map((voters) => ({ voters, learners: [] }));
const memberships = fc.array(membership, { minLength: 1, maxLength: 4 });

test('two majorities of one set share a member', () => {
  for (let size = 1; size <= 100; size++) assert.ok(2 * majority(size) > size, `of ${size}`);
  assert.deepEqual([1, 2, 3, 4, 5].map(majority), [1, 2, 2, 3, 3]);
});

test('a decision has a quorum exactly when no configuration has a blocking half against it', () => {
  fc.assert(
    fc.property(
      memberships,
      fc.uniqueArray(fc.constantFrom<string>(...nodes)),
      (configurations, agreeing) => {
        const counted = configurations.every(({ voters }) => {
          const against = voters.filter((node) => !agreeing.includes(node)).length;
          return against * 2 < voters.length;
        });
        assert.equal(
          everyQuorum(configurations, (node) => agreeing.includes(node)),
          counted,
        );
      },
    ),
  );
});

test('the quorum seqno is the highest one that counting finds held everywhere', () => {
  const held = fc.tuple(...nodes.map(() => fc.nat(20)));
  fc.assert(
    fc.property(memberships, held, (configurations, seqnos) => {
      const heldBy = (node: string) => seqnos[nodes.indexOf(node as (typeof nodes)[number])]!;
      let counted = 0;
      for (let seqno = 1; seqno <= 20; seqno++) {
        if (everyQuorum(configurations, (node) => heldBy(node) >= seqno)) counted = seqno;
      }
      assert.equal(quorumSeqno(configurations, heldBy), counted);
    }),
  );
});

test('without a configuration nothing is held', () => {
  assert.equal(
    quorumSeqno([], () => 7),
    0,
  );
});

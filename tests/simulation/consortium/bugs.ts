import { consensusBug } from '../consensus/bugs.ts';
import type { Bug } from '../world/edition.ts';

/** Two safety defects of consensus that CCF has shipped. Only runs that are all elections meet them, and few of those. */
export const rareBugs: readonly Bug[] = [
  { ...consensusBug('follower-commits-unverified-suffix'), seed: 278 },
  { ...consensusBug('vote-forgotten-within-a-view'), seed: 1 },
];

/** Deliberate mistakes that most runs meet. */
export const bugs: readonly Bug[] = [
  {
    name: 'commit-before-the-flush',
    what: 'A node takes its own entries for durable as soon as it has handed them to the disk.',
    edits: [
      {
        file: 'packages/node/src/replica.ts',
        find: 'this.#disk.append(output);',
        replace: `this.#disk.append(output);
          for (const { seqno } of output.entries) this.#raft.step({ ...output, kind: 'appended', seqno });`,
      },
    ],
    seed: 2,
  },
  {
    name: 'waiting-answered-too-soon',
    what: 'Answers that wait for their commit are given when the transaction before theirs is committed.',
    edits: [
      {
        file: 'packages/node/src/waiting.ts',
        find: "this.#settle((waiter) => waiter.seqno <= seqno, 'Committed');",
        replace: "this.#settle((waiter) => waiter.seqno <= seqno + 1, 'Committed');",
      },
    ],
    seed: 11,
  },
  {
    name: 'status-without-the-view',
    what: 'A transaction counts as committed when its seqno is, whatever its view.',
    edits: [
      {
        file: 'packages/node/src/endpoints/context.ts',
        find: "return local === txId.view ? 'Committed' : 'Invalid';",
        replace: "return 'Committed';",
      },
    ],
    seed: 16,
  },
  {
    name: 'receipt-of-the-neighbour',
    what: 'A receipt proves the place of the next transaction.',
    edits: [
      {
        file: 'packages/node/src/signer.ts',
        find: 'buildReceipt(signature, leaf, replica.history.proof(of))',
        replace: 'buildReceipt(signature, leaf, replica.history.proof(Math.max(of - 1, 1)))',
      },
    ],
    seed: 8,
  },
  {
    name: 'borrowed-and-kept',
    what: 'A primary of another company puts on its disk what it was lent for a call.',
    edits: [
      {
        file: 'packages/node/src/parcels/fetches.ts',
        find: 'const ours = (parcel: Parcel) => homes.keeps(own, parcel.segment);',
        replace: 'const ours = () => true;',
      },
    ],
    seed: 36,
  },
  {
    name: 'forwarded-twice',
    what: 'A request that one node passes on to another, and the network repeats, is carried out each time.',
    edits: [
      {
        file: 'packages/node/src/forwarding.ts',
        find: 'if (id <= taken.highest - limits.forwardedMax || taken.ids.has(id)) return false;',
        replace: '',
      },
    ],
    seed: 7,
  },
];

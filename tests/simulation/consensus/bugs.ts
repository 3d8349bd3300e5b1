import type { Bug } from '../world/edition.ts';

const room = 'packages/consensus/src';

/** Deliberate mistakes in the consensus of the product. */
export const bugs: readonly Bug[] = [
  {
    name: 'follower-commits-unverified-suffix',
    what: "A follower commits up to the leader's commit, beyond what the message has verified (CCF #8172).",
    edits: [
      { file: `${room}/roles/follower.ts`, find: 'Math.min(message.commit, end)', replace: 'message.commit' },
    ],
    seed: 87,
  },
  {
    name: 'vote-forgotten-within-a-view',
    what: 'Stepping down clears the vote although the view is the same, so it is given twice (CCF #8094).',
    edits: [
      {
        file: `${room}/core.ts`,
        find: 'if (view > this.view) this.enterView(view, null);',
        replace: 'if (view > this.view) this.enterView(view, null);\n    else this.votedFor = null;',
      },
      {
        file: `${room}/raft.ts`,
        find: 'core.becomeFollower(core.view, from);',
        replace: 'core.becomeFollower(core.view, null);',
      },
      { file: `${room}/raft.ts`, find: "message.kind === 'append' ? from : null", replace: 'null' },
      {
        file: `${room}/roles/follower.ts`,
        find: '  heard(core, from);\n  const { log } = core;\n  if (!isWellFormed(message)) return;',
        replace:
          '  const { log } = core;\n  if (!isWellFormed(message)) return;\n' +
          '  if (fits(core, message)) heard(core, from);',
      },
    ],
    seed: 30671,
  },
  {
    name: 'votes-counted-over-the-union',
    what: 'Votes are counted over all voters together, not in each active configuration (CCF #3837).',
    edits: [
      {
        file: `${room}/roles/candidate.ts`,
        find: 'everyQuorum(core.members.active,',
        replace: 'everyQuorum([{ voters: [...core.members.voters()], learners: [] }],',
      },
    ],
    seed: 14,
  },
  {
    name: 'commit-of-an-older-view',
    what: 'A leader commits what many hold though it is of an older view (Raft paper, figure 8; CCF #3828).',
    edits: [{ file: `${room}/roles/leader.ts`, find: ' || log.viewAt(seqno) !== core.view', replace: '' }],
    seed: 521,
  },
  {
    name: 'match-from-a-refusal',
    what: 'A refusal, which only estimates, is taken for an acknowledgement (CCF #5324).',
    edits: [
      {
        file: `${room}/roles/leader.ts`,
        find: '  const stepsBack = peer.rejected(',
        replace: '  peer.match = Math.max(peer.match, match);\n  const stepsBack = peer.rejected(',
      },
    ],
    seed: 11,
  },
  {
    name: 'acknowledgement-of-the-whole-log',
    what: "An acknowledgement names the follower's last entry, not the last one verified (CCF #6001).",
    edits: [
      {
        file: `${room}/roles/follower.ts`,
        find: 'Math.max(core.following.verified, end, log.commit)',
        replace: 'log.last',
      },
    ],
    seed: 113,
  },
  {
    name: 'truncation-by-a-shorter-message',
    what: 'An early message that arrives late truncates what came after it (CCF #5927).',
    edits: [
      {
        file: `${room}/roles/follower.ts`,
        find: '  if (at < 0) return true;\n',
        replace:
          '  if (at < 0 && entries.length > 0) core.truncate(Math.max(log.commit, entries.at(-1)!.seqno));\n' +
          '  if (at < 0) return true;\n',
      },
    ],
    seed: 3,
  },
  {
    name: 'acknowledgement-before-the-disk',
    what: 'A follower acknowledges what its disk has not confirmed.',
    edits: [
      {
        file: `${room}/roles/follower.ts`,
        find: '  const { following, log } = core;\n  const held = Math.min(following.verified, log.durable);',
        replace: '  const { following } = core;\n  const held = following.verified;',
      },
    ],
    seed: 1,
  },
  {
    name: 'answer-of-the-disk-for-an-older-entry',
    what: "The disk's answer for a truncated entry counts for the one in its place (the A-B-A of etcd).",
    edits: [
      {
        file: `${room}/log.ts`,
        find: 'for (const floor of this.#floors) upTo = Math.min(upTo, floor.seqno);',
        replace: '',
      },
    ],
    seed: 96,
  },
  {
    name: 'read-confirmed-without-a-quorum',
    what: 'A leader answers a current read without asking whether it still leads.',
    edits: [
      {
        file: `${room}/roles/confirmation.ts`,
        find: '  if (!everyQuorum(core.members.active, confirms)) return false;\n',
        replace: '  void confirms;\n',
      },
    ],
    seed: 18,
  },
  {
    name: 'read-before-the-first-commit',
    what: 'A new leader answers reads before it has committed anything in its own view (etcd #7331).',
    edits: [
      {
        file: `${room}/roles/confirmation.ts`,
        find: '  if (core.log.viewAt(commit) !== core.view) return;\n',
        replace: '',
      },
    ],
    seed: 6,
  },
  {
    name: 'commit-by-the-newest-configuration',
    what: 'Commit asks only the newest configuration, though older ones are active.',
    edits: [
      {
        file: `${room}/roles/leader.ts`,
        find: 'quorumSeqno(core.members.active, heldBy)',
        replace: 'quorumSeqno(core.members.active.slice(-1), heldBy)',
      },
    ],
    seed: 2,
  },
  {
    name: 'same-view-truncation',
    what: 'A pre-vote candidate that finds its leader again drops what it has acknowledged to it.',
    edits: [
      {
        file: `${room}/core.ts`,
        find: "view === this.view && this.role === 'PreVoteCandidate'",
        replace: 'false',
      },
    ],
    seed: 46,
  },
  {
    name: 'campaign-put-off-by-refused-candidates',
    what: 'Every request for a vote restarts the election timer, so the only node that could win never asks.',
    edits: [
      {
        file: `${room}/core.ts`,
        find: 'if (wasLeading !== null) this.restartElectionTimer();',
        replace: 'this.restartElectionTimer();',
      },
    ],
    seed: 1088,
  },
  {
    name: 'acknowledgement-of-an-older-view',
    what: 'What was verified with the leader of one view is acknowledged to that of the next.',
    edits: [
      {
        file: `${room}/core.ts`,
        find: '    this.following = { verified: 0, answered: 0, round: 0 };\n',
        replace: '',
      },
    ],
    seed: 161,
  },
  {
    name: 'snapshot-over-a-longer-log',
    what: 'A snapshot that comes late replaces a log that has caught up, and what was acknowledged is lost.',
    edits: [
      {
        file: `${room}/raft.ts`,
        find: '  return seqno > log.last || log.viewAt(seqno) !== view;\n',
        replace: '  return view > 0;\n',
      },
    ],
    seed: 959,
  },
  {
    name: 'snapshot-without-its-view',
    what: 'A node that loads a snapshot still follows leaders of views before it, who may lack its content.',
    edits: [
      {
        file: `${room}/core.ts`,
        find: 'Math.max(origin.view, this.log.viewAt(origin.seqno))',
        replace: 'origin.view',
      },
      {
        file: `${room}/raft.ts`,
        find: 'if (view > core.view) core.becomeFollower(view, null);',
        replace: 'void view;',
      },
    ],
    seed: 498,
  },
];

/** One of them. Throws when there is none of the name. */
export function consensusBug(name: string): Bug {
  const bug = bugs.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`there is no bug ${name} of consensus`);
  return bug;
}

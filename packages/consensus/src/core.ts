import { Configurations } from './configuration.ts';
import type { Entry, NodeId, Origin } from './entry.ts';
import type { Limits } from './limits.ts';
import { Log } from './log.ts';
import type { AppendMessage, Message } from './message.ts';
import type { Progress } from './progress.ts';
import { Outbox } from './ready.ts';
import type { RetirementPhase, Role } from './status.ts';

/** How a node behaves. Settled at the start; nodes of one service may differ in all but the timing. */
export interface Options {
  readonly id: NodeId;
  /** Uniform in [0, 1): spreads the election timeouts. The only randomness. */
  readonly random: () => number;
  readonly heartbeatTicks: number;
  /** A node that hears nothing campaigns after half to the whole of this; a leader unheard for it gives up. */
  readonly electionTicks: number;
  /** Ask whether an election could be won before disturbing anyone with a new view. */
  readonly preVote: boolean;
  /** Refuse pre-votes while a leader was heard lately; else a partial partition can unseat for ever. */
  readonly stickyLeader: boolean;
  /** Send what is proposed, and announce what is committed, at once; else with the next heartbeat. */
  readonly eager: boolean;
  /**
   * Asked before entries of a leader are appended after `after`, whatever stood there: whether they are what they
   * claim to be. Refused entries are neither appended nor acknowledged. Everything is believed unless given.
   */
  readonly admits: (after: number, entries: readonly Entry[]) => boolean;
  readonly limits: Limits;
}

/** What only a leader has; made anew by every election. */
export interface Leading {
  heartbeatElapsed: number;
  readonly peers: Map<NodeId, Progress>;
  /** A hand-over under way. */
  transfer: { readonly to: NodeId; elapsed: number; asked: boolean } | null;
  /** Reads to confirm: those whose round is out, and those that wait for the next one. */
  round: number;
  confirming: { readonly seqno: number; readonly contexts: readonly number[] } | null;
  waiting: number[];
  /** Peers of no configuration: removed nodes that had not heard of it. */
  readonly strays: Set<NodeId>;
  /** Removed nodes whose `retired` entry was asked for already. */
  readonly asked: Set<NodeId>;
  /** The last message with entries, and the log it was made of: followers at one place share it. */
  latest: { readonly message: AppendMessage; readonly last: number } | null;
}

/** What a follower owes its leader. */
interface Following {
  /** Highest seqno found identical to the leader's, in this view. */
  verified: number;
  /** Highest seqno answered for. */
  answered: number;
  /** The latest leadership confirmation seen. */
  round: number;
}

/** Election timeouts that a node without a vote lets pass, so that every voter has had its turn. */
const OUTSIDER_PATIENCE = 3;

/** The state all roles share, and the transitions common to them. */
export class Core {
  readonly options: Options;
  readonly log: Log;
  readonly members: Configurations;
  readonly outbox = new Outbox();

  role: Role = 'None';
  view: number;
  leader: NodeId | null = null;
  /** Whom this node gave its vote in `view`. */
  votedFor: NodeId | null = null;
  /** Who granted the vote or pre-vote being asked for. */
  granted = new Set<NodeId>();
  electionElapsed = 0;
  /** Ticks since a leader was last heard. */
  leaderSilentTicks = Number.POSITIVE_INFINITY;
  /** Ticks since pre-votes were last asked for. */
  askElapsed = 0;
  leading: Leading | null = null;
  following: Following = { verified: 0, answered: 0, round: 0 };

  #phase: RetirementPhase | null = null;

  constructor(options: Options, origin: Origin) {
    this.options = options;
    this.log = new Log(origin);
    this.members = new Configurations(origin);
    // A leader of a view before that of what is committed here may lack it, and is not to be followed.
    this.view = Math.max(origin.view, this.log.viewAt(origin.seqno));
    this.restartElectionTimer();
  }

  get id(): NodeId {
    return this.options.id;
  }

  send(to: NodeId, message: Message): void {
    this.outbox.add({ kind: 'send', to, message });
  }

  /** Between half and the whole of the election timeout is left afterwards. */
  restartElectionTimer(): void {
    this.electionElapsed = Math.floor((this.options.random() * this.options.electionTicks) / 2);
  }

  /**
   * Moves to a newer view. The vote and what a leader was told belong to one view: neither outlives it, and
   * within it neither is taken back, whatever roles this node passes through.
   */
  enterView(view: number, votedFor: NodeId | null): void {
    this.view = view;
    this.votedFor = votedFor;
    this.following = { verified: 0, answered: 0, round: 0 };
  }

  /** Follows in `view`, which is not lower than the current one. The unsigned suffix goes. */
  becomeFollower(view: number, leader: NodeId | null, role: 'Follower' | 'None' = 'Follower'): void {
    const wasLeading = this.leading;
    // Whoever only asked for pre-votes may have acknowledged entries in this view; those are not dropped.
    const resumes = view === this.view && this.role === 'PreVoteCandidate';
    if (view > this.view) this.enterView(view, null);
    this.leader = leader;
    this.role = role;
    this.leading = null;
    // A refused candidate must not put off this node's own campaign: it may be the only one that can win.
    if (wasLeading !== null) this.restartElectionTimer();
    if (!resumes) this.truncate(this.log.lastCommittable);
    this.announceRole();
    if (wasLeading !== null) this.#refuseConfirmations(wasLeading);
  }

  announceRole(): void {
    this.outbox.add({ kind: 'role', role: this.role, view: this.view, leader: this.leader });
  }

  /** Appends entries to the log and takes note of the members they establish. */
  append(entries: readonly Entry[], origin: 'proposed' | 'replicated'): void {
    let noted = false;
    for (const entry of entries) {
      this.log.append(entry);
      if (entry.configuration !== undefined) this.members.append(entry.seqno, entry.configuration);
      if (entry.retired !== undefined) this.members.retire(entry.seqno, entry.retired);
      noted ||= entry.committable || entry.configuration !== undefined;
    }
    this.outbox.append(entries, origin, this.log.token);
    if (noted) this.noteMembership();
  }

  truncate(seqno: number): void {
    if (seqno >= this.log.last) return;
    this.log.truncate(seqno);
    this.members.truncate(seqno);
    this.outbox.add({ kind: 'truncate', seqno });
    this.noteMembership();
  }

  /** Moves commit to `seqno`, a committable entry beyond it. Answers whether configurations were replaced. */
  commitTo(seqno: number): boolean {
    this.log.commitTo(seqno);
    const replaced = this.members.commit(seqno);
    this.outbox.add({ kind: 'commit', seqno });
    this.noteMembership();
    return replaced;
  }

  get phase(): RetirementPhase | null {
    return this.#phase;
  }

  /** Tells the owner when this node's own retirement has moved. */
  noteMembership(): void {
    const phase = this.members.phaseOf(this.id, this.log);
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.outbox.add({ kind: 'membership', phase });
  }

  /**
   * How long this node waits for a leader before it campaigns; for ever if it may not. Nodes without a vote
   * wait longer, and ask first: they are only needed when one of them holds more than the voters do, which
   * happens when a leader dies while it brings a new node up to date.
   */
  get patienceTicks(): number {
    const { electionTicks, preVote } = this.options;
    const knowsMembers = this.members.active.length > 0;
    if (!knowsMembers || this.#phase === 'RetiredCommitted') return Number.POSITIVE_INFINITY;
    if (this.members.isVoter(this.id)) return electionTicks;
    return preVote ? OUTSIDER_PATIENCE * electionTicks : Number.POSITIVE_INFINITY;
  }

  #refuseConfirmations(leading: Leading): void {
    for (const context of [...(leading.confirming?.contexts ?? []), ...leading.waiting]) {
      this.outbox.add({ kind: 'unconfirmed', context, leader: this.leader });
    }
  }
}

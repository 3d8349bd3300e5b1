import { Core, type Options } from './core.ts';
import type { Configuration, NodeId, Origin, TxId, ViewStart } from './entry.ts';
import { ConsensusError } from './errors.ts';
import type { Event } from './event.ts';
import { defaultLimits, type Limits } from './limits.ts';
import type { Message } from './message.ts';
import type { Output } from './ready.ts';
import * as candidate from './roles/candidate.ts';
import { confirm } from './roles/confirmation.ts';
import * as follower from './roles/follower.ts';
import * as leader from './roles/leader.ts';
import { entriesRead } from './roles/replication.ts';
import { transfer } from './roles/transfer.ts';
import type { PeerStatus, RetirementPhase, Role, Status } from './status.ts';
import { ViewHistory } from './view-history.ts';

/** `Options`, with the origin and bounds that differ from `defaultLimits`. */
export interface RaftOptions extends Omit<Options, 'limits' | 'admits'> {
  readonly origin: Origin;
  readonly limits?: Partial<Limits>;
  readonly admits?: Options['admits'];
}

/** Whether a proposal would be welcome. `full` and `handing-over` still take what is needed to sign. */
export type Admission = 'open' | 'full' | 'handing-over' | 'not-leader';

/**
 * One node's consensus, as a step machine without time, randomness or input/output of its own.
 *
 *     raft.step(event);
 *     for (const output of raft.ready()) carryOut(output);
 */
export class Raft {
  readonly #core: Core;

  constructor({ origin, limits, ...options }: RaftOptions) {
    if (options.heartbeatTicks <= 0 || options.electionTicks <= options.heartbeatTicks) {
      throw new ConsensusError('OptionInvalid', 'electionTicks must exceed heartbeatTicks, and that zero');
    }
    const admits = options.admits ?? (() => true);
    this.#core = new Core({ ...options, admits, limits: { ...defaultLimits, ...limits } }, origin);
    if (origin.leads) {
      this.#core.votedFor = options.id;
      leader.lead(this.#core);
    }
  }

  /** Takes one event. Outputs accumulate until `ready()`. Throws `ConsensusError` when it refuses a proposal. */
  step(event: Event): void {
    const core = this.#core;
    switch (event.kind) {
      case 'tick':
        if (core.leading !== null) leader.tick(core, core.leading, event.ticks);
        else candidate.tick(core, event.ticks);
        return;
      case 'propose':
        if (core.leading === null) {
          throw new ConsensusError('NotLeader', `node ${core.id} does not lead view ${core.view}`);
        }
        leader.propose(core, core.leading, event.entries);
        return;
      case 'received':
        receive(core, event.from, event.message);
        return;
      case 'appended':
        appended(core, event.seqno, event.token);
        return;
      case 'entries-read':
        if (core.leading !== null) entriesRead(core, core.leading, event.from, event.entries);
        return;
      case 'installed':
        install(core, event.origin);
        return;
      case 'transfer':
        if (core.leading !== null) transfer(core, core.leading, event.to);
        return;
      case 'stray':
        if (core.leading !== null) leader.guide(core, core.leading, event.node);
        return;
      case 'confirm':
        if (core.leading !== null) confirm(core, core.leading, event.context);
        else core.outbox.add({ kind: 'unconfirmed', context: event.context, leader: core.leader });
        return;
      default:
        event satisfies never;
    }
  }

  /** Takes the outputs of the steps since the last call, in the order they are to be carried out. */
  ready(): Output[] {
    return this.#core.outbox.take();
  }

  get id(): NodeId {
    return this.#core.id;
  }

  get role(): Role {
    return this.#core.role;
  }

  get view(): number {
    return this.#core.view;
  }

  /** The leader of the current view, when known; this node's own id when it leads. */
  get leader(): NodeId | null {
    return this.#core.leader;
  }

  /** Last seqno appended. */
  get last(): number {
    return this.#core.log.last;
  }

  /** Last seqno committed. */
  get commit(): number {
    return this.#core.log.commit;
  }

  /** Last committable seqno appended; equal to `last` when there is nothing to sign. */
  get lastCommittable(): number {
    return this.#core.log.lastCommittable;
  }

  /** Active configurations: the current one first, pending ones after it. */
  get configurations(): readonly Configuration[] {
    return this.#core.members.active;
  }

  get retirementPhase(): RetirementPhase | null {
    return this.#core.phase;
  }

  get admission(): Admission {
    const { leading, log, options } = this.#core;
    if (leading === null) return 'not-leader';
    if (leading.transfer !== null) return 'handing-over';
    const { uncommittedEntriesMax, uncommittedBytesMax } = options.limits;
    const full =
      log.last - log.commit >= uncommittedEntriesMax || log.uncommittedBytes >= uncommittedBytesMax;
    return full ? 'full' : 'open';
  }

  /** The view of a seqno up to `last`; 0 for seqno 0. */
  viewAt(seqno: number): number {
    return this.#core.log.viewAt(seqno);
  }

  /** Where each view began, ascending, up to `last`. */
  viewHistory(): readonly ViewStart[] {
    return this.#core.log.views.upTo(this.#core.log.last);
  }

  /**
   * Whether a snapshot at this place would bring something. To be asked right before a running node loads one,
   * for the log may have caught up, and what it acknowledged meanwhile must not be lost.
   */
  lacks(place: TxId): boolean {
    return lacks(this.#core, place);
  }

  /** The origin for a node that starts from a snapshot of the state committed now. */
  snapshotOrigin(): Origin {
    const { log, members } = this.#core;
    return {
      view: 0,
      leads: false,
      seqno: log.commit,
      viewHistory: log.views.upTo(log.commit),
      ...members.committedAt(log.commit),
    };
  }

  /** A reading for operators (`/node/consensus`) and tests. Not for the hot path. */
  status(): Status {
    const core = this.#core;
    const { log } = core;
    const peers = new Map<NodeId, PeerStatus>();
    for (const [node, peer] of core.leading?.peers ?? []) {
      const { match, silentTicks, state, bytesInFlight } = peer;
      peers.set(node, { seqno: match, silentTicks, state, bytesInFlight });
    }
    return {
      id: core.id,
      role: core.role,
      membership: core.phase === null ? 'Active' : 'Retired',
      retirementPhase: core.phase,
      view: core.view,
      leader: core.leader,
      last: log.last,
      durable: log.durable,
      commit: log.commit,
      committable: [...log.committable],
      bytesInMemory: log.bytesInMemory,
      configurations: [...core.members.active],
      ticking: core.patienceTicks < Number.POSITIVE_INFINITY,
      peers,
    };
  }
}

function receive(core: Core, from: NodeId, message: Message): void {
  if (message.view > core.view) core.becomeFollower(message.view, message.kind === 'append' ? from : null);
  switch (message.kind) {
    case 'append':
      if (message.view < core.view) {
        // Tells a leader of the past about the present.
        const { log, view } = core;
        const estimate = log.txIdAt(log.last);
        const { round, previous } = message;
        core.send(from, { kind: 'rejected', view, previous: previous.seqno, estimate, round });
      } else if (core.leading === null) {
        if (core.role !== 'Follower') core.becomeFollower(core.view, from);
        follower.onAppend(core, from, message);
      }
      return;
    case 'accepted':
      if (core.leading !== null && message.view === core.view) {
        leader.onAccepted(core, core.leading, from, message);
      }
      return;
    case 'rejected':
      if (core.leading !== null && message.view === core.view) {
        leader.onRejected(core, core.leading, from, message);
      }
      return;
    case 'vote-request':
      candidate.onVoteRequest(core, from, message);
      return;
    case 'vote':
      candidate.onVote(core, from, message);
      return;
    case 'campaign':
      if (message.view === core.view && core.leading === null) candidate.onCampaign(core, from);
      return;
    case 'snapshot-needed':
      if (message.view === core.view && core.leading === null) follower.onSnapshotNeeded(core, from, message);
      return;
    default:
      message satisfies never;
  }
}

function appended(core: Core, seqno: number, token: number): void {
  core.log.appended(seqno, token);
  if (core.leading !== null) {
    leader.advance(core, core.leading);
    return;
  }
  if (core.role === 'Follower') follower.onAppended(core);
  core.log.evict(core.options.limits.memoryBytesMax);
}

/** A snapshot replaces a log that does not contain it. */
function lacks({ leading, log }: Core, { view, seqno }: TxId): boolean {
  if (leading !== null || seqno <= log.commit) return false;
  // What follows it in the log may have been acknowledged, and must not be lost.
  return seqno > log.last || log.viewAt(seqno) !== view;
}

function install(core: Core, origin: Origin): void {
  const { seqno } = origin;
  const view = new ViewHistory(origin.viewHistory).viewAt(seqno);
  if (!lacks(core, { view, seqno })) {
    throw new ConsensusError(
      'SnapshotNotNeeded',
      `the log holds ${view}.${seqno}; ask lacks() before loading`,
    );
  }
  if (view > core.view) core.becomeFollower(view, null);
  core.log.reset(origin);
  core.members.reset(origin);
  core.noteMembership();
  core.following.verified = seqno;
  if (core.leader !== null) follower.onAppended(core);
}

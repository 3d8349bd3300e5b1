import type { Core, Leading } from '../core.ts';
import type { Entry, NodeId } from '../entry.ts';
import { ConsensusError } from '../errors.ts';
import type { AcceptedMessage, RejectedMessage } from '../message.ts';
import { Progress } from '../progress.ts';
import { everyQuorum, quorumSeqno } from '../quorum.ts';
import { onConfirmation, startConfirmation } from './confirmation.ts';
import { announceCommit, beat, broadcast, replicateTo } from './replication.ts';
import { continueTransfer, handOver, tickTransfer, transfer } from './transfer.ts';

/** Leads in the current view. What is not signed is dropped; nothing commits until the owner has signed. */
export function becomeLeader(core: Core): void {
  core.truncate(core.log.lastCommittable);
  const leading = lead(core);
  core.outbox.add({ kind: 'sign', view: core.view });
  askToRetire(core, leading);
}

/** The leader's state, for an election won or an origin that leads. */
export function lead(core: Core): Leading {
  const leading: Leading = {
    heartbeatElapsed: 0,
    peers: new Map(),
    transfer: null,
    round: 0,
    confirming: null,
    waiting: [],
    strays: new Set(),
    asked: new Set(),
    latest: null,
  };
  core.role = 'Leader';
  core.leader = core.id;
  core.leading = leading;
  core.announceRole();
  refreshPeers(core, leading);
  return leading;
}

export function tick(core: Core, leading: Leading, ticks: number): void {
  leading.heartbeatElapsed += ticks;
  if (leading.heartbeatElapsed >= core.options.heartbeatTicks) {
    leading.heartbeatElapsed = 0;
    for (const [to, peer] of leading.peers) beat(core, leading, to, peer);
  }
  for (const peer of leading.peers.values()) peer.silentTicks += ticks;
  forgetSilentStrays(core, leading);
  tickTransfer(core, leading, ticks);
  if (!isHeard(core, leading)) core.becomeFollower(core.view, null);
}

export function propose(core: Core, leading: Leading, entries: readonly Entry[]): void {
  check(core, entries);
  core.append(entries, 'proposed');
  if (entries.some((entry) => entry.configuration !== undefined)) refreshPeers(core, leading);
  if (core.options.eager) broadcast(core, leading);
}

export function onAccepted(core: Core, leading: Leading, from: NodeId, message: AcceptedMessage): void {
  const peer = leading.peers.get(from);
  if (peer === undefined || message.seqno > core.log.last) return;
  peer.silentTicks = 0;
  const waited = peer.state === 'probe' || peer.messagesInFlight > 0;
  const moved = peer.accepted(message.seqno);
  onConfirmation(core, leading, peer, message.round);
  if (moved) advance(core, leading);
  if (core.leading !== leading) return;
  if (moved) reportCaughtUp(core, from, peer);
  if (core.options.eager || waited) replicateTo(core, leading, from, peer);
  dismiss(core, leading, from, peer);
  continueTransfer(core, leading);
}

export function onRejected(core: Core, leading: Leading, from: NodeId, message: RejectedMessage): void {
  const peer = leading.peers.get(from);
  if (peer === undefined) return;
  peer.silentTicks = 0;
  onConfirmation(core, leading, peer, message.round);
  const { log, options } = core;
  const match = log.views.highestPossibleMatch(message.estimate, log.last);
  // A place of the same view and seqno means that everything before it is the same, too.
  const certain = match === message.estimate.seqno && log.viewAt(match) === message.estimate.view;
  const stepsBack = peer.rejected(message.previous, match, certain);
  if (stepsBack && options.eager) replicateTo(core, leading, from, peer);
}

/**
 * Moves commit to the highest committable entry that a quorum of every active configuration holds, and only
 * if it belongs to the leader's own view: an older one, though held by many, may yet be overwritten
 * (Raft paper, figure 8).
 */
export function advance(core: Core, leading: Leading): void {
  const { log } = core;
  const heldBy = (node: NodeId) => (node === core.id ? log.durable : (leading.peers.get(node)?.match ?? 0));
  for (;;) {
    const seqno = log.committableUpTo(quorumSeqno(core.members.active, heldBy));
    if (seqno <= log.commit || log.viewAt(seqno) !== core.view) break;
    const replaced = core.commitTo(seqno);
    afterCommit(core, leading);
    if (core.leading !== leading) return;
    // With an older configuration out of the way, more may be committed.
    if (!replaced) break;
  }
  const { memoryBytesMax, memoryAloneBytesMax } = core.options.limits;
  log.evict(leading.peers.size === 0 ? memoryAloneBytesMax : memoryBytesMax);
}

function afterCommit(core: Core, leading: Leading): void {
  if (core.options.eager) announceCommit(core, leading);
  startConfirmation(core, leading);
  askToRetire(core, leading);
  if (core.phase === 'RetiredCommitted') {
    handOver(core, leading);
    return;
  }
  refreshPeers(core, leading);
  // Elected though it has no vote: what it held more is committed now, and a voter can take over.
  if (core.phase === null && !core.members.isVoter(core.id)) transfer(core, leading, null);
}

/** Asks the owner, once per leadership, to record retirements that are committed. */
function askToRetire(core: Core, leading: Leading): void {
  const nodes = core.members.awaitingRetirement(core.log.commit).filter((node) => !leading.asked.has(node));
  if (nodes.length === 0) return;
  for (const node of nodes) leading.asked.add(node);
  core.outbox.add({ kind: 'retire', nodes });
}

/** Asks those who have joined where they stand, and forgets those whose retirement is complete. */
function refreshPeers(core: Core, leading: Leading): void {
  const recipients = core.members.recipients(core.log.commit);
  recipients.delete(core.id);
  for (const node of leading.peers.keys()) {
    if (!recipients.has(node) && !leading.strays.has(node)) leading.peers.delete(node);
  }
  for (const node of recipients) {
    leading.strays.delete(node);
    if (leading.peers.has(node)) continue;
    const peer = new Progress(core.log.last + 1);
    leading.peers.set(node, peer);
    beat(core, leading, node, peer);
  }
}

/**
 * A node that was removed while it heard nothing learns it as it would have then, from the log: nobody's word would do.
 * It counts for nothing.
 */
export function guide(core: Core, leading: Leading, node: NodeId): void {
  if (node === core.id || leading.peers.has(node)) return;
  if (leading.strays.size >= core.options.limits.straysMax) return;
  leading.strays.add(node);
  const peer = new Progress(core.log.last + 1);
  leading.peers.set(node, peer);
  beat(core, leading, node, peer);
}

/** Who holds all that is committed is told so, and then left alone; should that be lost, it asks again. */
function dismiss(core: Core, leading: Leading, node: NodeId, peer: Progress): void {
  if (!leading.strays.has(node) || peer.match < core.log.commit) return;
  beat(core, leading, node, peer);
  forget(leading, node);
}

function forgetSilentStrays(core: Core, leading: Leading): void {
  for (const node of leading.strays) {
    if ((leading.peers.get(node)?.silentTicks ?? 0) >= core.options.electionTicks) forget(leading, node);
  }
}

function forget(leading: Leading, node: NodeId): void {
  leading.strays.delete(node);
  leading.peers.delete(node);
}

/** Whether a quorum of every active configuration has answered within an election timeout. */
function isHeard(core: Core, leading: Leading): boolean {
  const { electionTicks } = core.options;
  return everyQuorum(
    core.members.active,
    (node) => node === core.id || (leading.peers.get(node)?.silentTicks ?? electionTicks) < electionTicks,
  );
}

function reportCaughtUp(core: Core, node: NodeId, peer: Progress): void {
  if (peer.reportedCaughtUp || !core.members.isLearner(node)) return;
  if (core.log.last - peer.match > core.options.limits.learnerLagMax) return;
  peer.reportedCaughtUp = true;
  core.outbox.add({ kind: 'caught-up', node });
}

function check(core: Core, entries: readonly Entry[]): void {
  let next = core.log.last + 1;
  for (const { seqno, view, configuration } of entries) {
    if (seqno !== next) {
      throw new ConsensusError('SeqnoNotNext', `proposal at seqno ${seqno}, the next one is ${next}`);
    }
    if (view !== core.view) {
      throw new ConsensusError('ViewNotCurrent', `proposal of view ${view}, the view is ${core.view}`);
    }
    if (configuration !== undefined) core.members.check(configuration);
    next++;
  }
}

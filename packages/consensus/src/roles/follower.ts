import type { Core } from '../core.ts';
import type { Entry, NodeId } from '../entry.ts';
import type { AppendMessage, SnapshotNeededMessage } from '../message.ts';

/** Entries, or a heartbeat, of the leader of the current view. */
export function onAppend(core: Core, from: NodeId, message: AppendMessage): void {
  heard(core, from);
  const { log } = core;
  if (!isWellFormed(message)) return;
  if (!fits(core, message)) {
    core.send(from, {
      kind: 'rejected',
      view: core.view,
      previous: message.previous.seqno,
      estimate: log.txIdAt(log.views.highestPossibleMatch(message.previous, log.last)),
      round: message.round,
    });
    return;
  }
  if (!appendNew(core, message.entries)) return;
  const end = message.previous.seqno + message.entries.length;
  // Never beyond this message: what lies after it here may be another leader's, and not what was committed.
  const committed = log.committableUpTo(Math.min(message.commit, end));
  if (committed > log.commit) core.commitTo(committed);
  core.following.verified = Math.max(core.following.verified, end, log.commit);
  answer(core, from, message);
}

/** The disk moved: what was verified and is durable now may be acknowledged. */
export function onAppended(core: Core): void {
  const { following, log, leader } = core;
  const held = Math.min(following.verified, log.durable);
  if (leader === null || held <= following.answered) return;
  following.answered = held;
  core.send(leader, { kind: 'accepted', view: core.view, seqno: held, round: following.round });
}

export function onSnapshotNeeded(core: Core, from: NodeId, message: SnapshotNeededMessage): void {
  heard(core, from);
  if (message.after >= core.log.commit)
    core.outbox.add({ kind: 'fetch-snapshot', from, after: message.after });
}

function heard(core: Core, from: NodeId): void {
  core.restartElectionTimer();
  core.leaderSilentTicks = 0;
  if (core.leader === from) return;
  core.leader = from;
  core.announceRole();
}

/** What is committed here is in the log of every later leader, whatever the message says about it. */
function fits({ log }: Core, { previous }: AppendMessage): boolean {
  if (previous.seqno <= log.commit) return true;
  return previous.seqno <= log.last && log.viewAt(previous.seqno) === previous.view;
}

/** Answers false when the owner does not admit what is new. */
function appendNew(core: Core, entries: readonly Entry[]): boolean {
  const { log } = core;
  // Up to the first entry that is missing or differs. A shorter message is no reason to truncate: it may be
  // an early one that arrives late.
  const at = entries.findIndex(
    ({ seqno, view }) => seqno > log.last || (seqno > log.commit && log.viewAt(seqno) !== view),
  );
  if (at < 0) return true;
  const fresh = at === 0 ? entries : entries.slice(at);
  const after = fresh[0]!.seqno - 1;
  if (!core.options.admits(after, fresh)) return false;
  core.truncate(after);
  core.append(fresh, 'replicated');
  return true;
}

/** An acknowledgement waits for the disk; a sign of life does not. */
function answer(core: Core, to: NodeId, message: AppendMessage): void {
  const { following, log } = core;
  const held = Math.min(following.verified, log.durable);
  const owes = message.entries.length === 0 || held >= following.verified || message.round > following.round;
  following.round = Math.max(following.round, message.round);
  if (!owes) return;
  following.answered = Math.max(following.answered, held);
  core.send(to, { kind: 'accepted', view: core.view, seqno: held, round: following.round });
}

/** A leader numbers a message without gap and gives it one view; anything else is not answered. */
function isWellFormed({ view, previous, entries }: AppendMessage): boolean {
  const ofView = entries[0]?.view ?? previous.view;
  if (ofView < previous.view || ofView > view) return false;
  return entries.every((entry, at) => entry.view === ofView && entry.seqno === previous.seqno + 1 + at);
}

import type { Core, Leading } from '../core.ts';
import type { Entry, NodeId } from '../entry.ts';
import { weightOf } from '../log.ts';
import type { AppendMessage } from '../message.ts';
import type { Progress } from '../progress.ts';

/** Sends a follower what it lacks, as far as its window allows. */
export function replicateTo(core: Core, leading: Leading, to: NodeId, peer: Progress): void {
  while (peer.next <= core.log.last && mayCarryEntries(core, peer)) {
    if (peer.next < core.log.first) {
      readBack(core, leading, peer);
      return;
    }
    send(core, to, peer, messageFrom(core, leading, peer.next));
  }
}

/** The heartbeat: what the follower lacks, or at least one message that it has to answer. */
export function beat(core: Core, leading: Leading, to: NodeId, peer: Progress): void {
  peer.beat();
  const before = peer.messagesInFlight;
  replicateTo(core, leading, to, peer);
  const isSilent = peer.messagesInFlight === before && !peer.probing;
  if (isSilent) send(core, to, peer, message(core, leading, peer.next, []));
  if (peer.state === 'snapshot') sendSnapshotNeeded(core, to, peer);
}

/** Sends what has been proposed. */
export function broadcast(core: Core, leading: Leading): void {
  for (const [to, peer] of leading.peers) replicateTo(core, leading, to, peer);
}

/** Tells followers that have everything that commit has moved; the others learn it with what they lack. */
export function announceCommit(core: Core, leading: Leading): void {
  for (const [to, peer] of leading.peers) {
    if (peer.state !== 'replicate' || peer.next <= core.log.last) continue;
    send(core, to, peer, message(core, leading, peer.next, []));
  }
}

/** The owner answered a read: whoever waits for these entries gets them, and they are not kept. */
export function entriesRead(core: Core, leading: Leading, from: number, entries: readonly Entry[]): void {
  for (const [to, peer] of leading.peers) {
    if (peer.reading !== from) continue;
    peer.reading = null;
    if (entries.length > 0) {
      // One view a message; what follows a change of view is read again, which happens once an election.
      const ofOneView = entries.filter(({ view }) => view === entries[0]!.view);
      send(core, to, peer, message(core, leading, from, ofOneView));
      replicateTo(core, leading, to, peer);
    } else {
      peer.needsSnapshot();
      sendSnapshotNeeded(core, to, peer);
    }
  }
}

function mayCarryEntries(core: Core, peer: Progress): boolean {
  if (peer.reading !== null) return false;
  if (peer.state === 'probe') return !peer.probing;
  const { inFlightMessagesMax, inFlightBytesMax } = core.options.limits;
  return (
    peer.state === 'replicate' &&
    peer.messagesInFlight < inFlightMessagesMax &&
    peer.bytesInFlight < inFlightBytesMax
  );
}

/** What is in memory from `next` on. Followers at one place get one object, which the owner may encode once. */
function messageFrom(core: Core, leading: Leading, next: number): AppendMessage {
  const { log, options } = core;
  const { latest } = leading;
  if (
    latest?.last === log.last &&
    latest.message.previous.seqno === next - 1 &&
    latest.message.commit === log.commit &&
    latest.message.round === leading.round
  ) {
    return latest.message;
  }
  const { messageEntriesMax, messageBytesMax } = options.limits;
  const entries = log.slice(next, { entriesMax: messageEntriesMax, bytesMax: messageBytesMax });
  leading.latest = { message: message(core, leading, next, entries), last: log.last };
  return leading.latest.message;
}

function message(core: Core, leading: Leading, next: number, entries: readonly Entry[]): AppendMessage {
  return {
    kind: 'append',
    view: core.view,
    previous: core.log.txIdAt(next - 1),
    entries,
    commit: core.log.commit,
    round: leading.round,
  };
}

function send(core: Core, to: NodeId, peer: Progress, append: AppendMessage): void {
  core.send(to, append);
  let bytes = 0;
  for (const entry of append.entries) bytes += weightOf(entry);
  peer.sent(append.entries.length, bytes);
}

function sendSnapshotNeeded(core: Core, to: NodeId, peer: Progress): void {
  core.send(to, { kind: 'snapshot-needed', view: core.view, after: peer.next - 1 });
}

function readBack(core: Core, leading: Leading, peer: Progress): void {
  const { limits } = core.options;
  const from = peer.next;
  let asked = false;
  for (const other of leading.peers.values()) asked ||= other.reading === from;
  peer.reading = from;
  if (asked) return;
  const to = Math.min(core.log.first - 1, from + limits.messageEntriesMax - 1);
  core.outbox.add({ kind: 'read', from, to, bytesMax: limits.messageBytesMax });
}

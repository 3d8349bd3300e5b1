import type { Core, Leading } from '../core.ts';
import type { Progress } from '../progress.ts';
import { everyQuorum } from '../quorum.ts';
import { beat } from './replication.ts';

/**
 * Reads that must be current, without a write: the leader notes its commit seqno, lets a quorum of every
 * active configuration confirm that it still leads, and only then answers. One round is out at a time and
 * carries every read that came before it; its number is never used twice in a view.
 */
export function confirm(core: Core, leading: Leading, context: number): void {
  if (leading.waiting.length >= core.options.limits.confirmationsMax) {
    core.outbox.add({ kind: 'unconfirmed', context, leader: core.id });
    return;
  }
  leading.waiting.push(context);
  startConfirmation(core, leading);
}

/** Before its first commit a leader does not know how much its predecessors have committed: reads wait. */
export function startConfirmation(core: Core, leading: Leading): void {
  if (leading.waiting.length === 0 || leading.confirming !== null) return;
  const { commit } = core.log;
  if (core.log.viewAt(commit) !== core.view) return;
  leading.round++;
  leading.confirming = { seqno: commit, contexts: leading.waiting };
  leading.waiting = [];
  if (finish(core, leading)) return;
  for (const [to, peer] of leading.peers) beat(core, leading, to, peer);
}

/** A follower has answered in this view and echoed `round`. */
export function onConfirmation(core: Core, leading: Leading, peer: Progress, round: number): void {
  if (round > leading.round || round <= peer.round) return;
  peer.round = round;
  finish(core, leading);
}

function finish(core: Core, leading: Leading): boolean {
  const { confirming, round, peers } = leading;
  if (confirming === null) return false;
  const confirms = (node: string) => node === core.id || (peers.get(node)?.round ?? 0) >= round;
  if (!everyQuorum(core.members.active, confirms)) return false;
  leading.confirming = null;
  for (const context of confirming.contexts) {
    core.outbox.add({ kind: 'confirmed', context, seqno: confirming.seqno });
  }
  startConfirmation(core, leading);
  return true;
}

import type { Core, Leading } from '../core.ts';
import type { NodeId } from '../entry.ts';

/** Starts a hand-over: proposals stop, the successor catches up, then it is asked to campaign. */
export function transfer(core: Core, leading: Leading, to: NodeId | null): void {
  const successor = to ?? bestSuccessor(core, leading);
  if (successor === core.id || leading.transfer !== null) return;
  if (successor === null || !core.members.voters().has(successor) || !leading.peers.has(successor)) {
    core.outbox.add({ kind: 'transfer-failed', to });
    return;
  }
  leading.transfer = { to: successor, elapsed: 0, asked: false };
  // The successor will drop what is not signed, so everything is to be signed first.
  if (core.log.lastCommittable < core.log.last) core.outbox.add({ kind: 'sign', view: core.view });
  continueTransfer(core, leading);
}

/** Asks the successor to campaign once it holds everything; again at each tick, for messages are lost. */
export function continueTransfer(core: Core, leading: Leading): void {
  const { transfer } = leading;
  if (transfer === null || transfer.asked || core.log.lastCommittable < core.log.last) return;
  if (leading.peers.get(transfer.to)?.match !== core.log.last) return;
  transfer.asked = true;
  core.send(transfer.to, { kind: 'campaign', view: core.view });
}

export function tickTransfer(core: Core, leading: Leading, ticks: number): void {
  const { transfer } = leading;
  if (transfer === null) return;
  transfer.elapsed += ticks;
  transfer.asked = false;
  if (transfer.elapsed < core.options.electionTicks) {
    continueTransfer(core, leading);
    return;
  }
  leading.transfer = null;
  core.outbox.add({ kind: 'transfer-failed', to: transfer.to });
}

/** The leader's own retirement is complete: it leaves, and asks its best placed successor to take over. */
export function handOver(core: Core, leading: Leading): void {
  const successor = bestSuccessor(core, leading);
  if (successor !== null) core.send(successor, { kind: 'campaign', view: core.view });
  core.becomeFollower(core.view, null, 'None');
}

/** The voter that holds most; among equals, one of the newest configuration. */
function bestSuccessor(core: Core, leading: Leading): NodeId | null {
  let best: { readonly node: NodeId; readonly match: number } | null = null;
  for (const { voters } of core.members.active.toReversed()) {
    for (const node of voters) {
      const match = leading.peers.get(node)?.match;
      if (match !== undefined && (best === null || match > best.match)) best = { node, match };
    }
  }
  return best?.node ?? null;
}

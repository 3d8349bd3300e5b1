import type { ReadableMapState, Tx, WriteSet } from '@coco/kv';
import { GovernanceError } from './errors.ts';
import {
  learningNodes,
  type NodeId,
  type NodeInfo,
  nodeInfos,
  nodeStandings,
  suspendedNodes,
} from './tables/nodes.ts';

/** Who takes part in consensus, as the tables say; each in order of their ids. */
export interface ServiceMembership {
  /** Nodes that count in quorums. */
  readonly voters: readonly NodeId[];
  /** Trusted nodes that still catch up, or do not count for what their platform shows. */
  readonly learners: readonly NodeId[];
}

/** Every trusted node takes part: as a learner while it is listed as one, or is suspended. */
export function membershipOf(state: ReadableMapState): ServiceMembership {
  const voters: NodeId[] = [];
  const learners: NodeId[] = [];
  for (const [id, info] of nodeInfos.entries(state)) {
    if (info.status !== 'Trusted') continue;
    const isLearner = learningNodes.has(state, id) || suspendedNodes.has(state, id);
    (isLearner ? learners : voters).push(id);
  }
  return { voters, learners };
}

/** Whether a write set may change who takes part. */
export function concernsMembership(writeSet: WriteSet): boolean {
  return [nodeInfos, learningNodes, suspendedNodes].some(({ name }) => writeSet.has(name));
}

/** Nodes of which a write set records that their retirement is committed. */
export function retirementsRecorded(writeSet: WriteSet, state: ReadableMapState): readonly NodeId[] {
  const written = [...(writeSet.get(nodeInfos.name)?.keys() ?? [])];
  return written.filter((id) => nodeInfos.get(state, id)?.retired_committed === true).sort();
}

/**
 * Completes a transaction that changes nodes: whoever becomes trusted begins as a learner, so that the service does not
 * wait for its disk to fill. Throws `MembershipInvalid` for a change that consensus cannot make.
 */
export function settleMembership(tx: Tx, before: ReadableMapState): void {
  for (const id of tx.writeSet().get(nodeInfos.name)?.keys() ?? []) {
    const info = nodeInfos.get(tx, id);
    const known = nodeInfos.get(before, id);
    if (info?.status !== 'Trusted') endLearning(tx, id);
    else if (known?.status === 'Retired') {
      throw invalid(`node ${id} was retired: it cannot come back, start it anew and let it join`);
    } else if (known?.status !== 'Trusted') beginLearning(tx, id);
  }
  if (membershipOf(tx).voters.length === 0) {
    throw invalid('no node would be left that holds the ledger: let another one join and catch up first');
  }
}

/** A node whose platform does not suffice to vote is one for good, or until the policy says otherwise. */
function beginLearning(tx: Tx, id: NodeId): void {
  learningNodes.add(tx, id);
  if ((nodeStandings.get(tx, id)?.role ?? 'vote') !== 'vote') suspendedNodes.add(tx, id);
}

/** Takes a node off the list of learners. Answers false for a node that is not on it. */
export function endLearning(tx: Tx, id: NodeId): boolean {
  if (!learningNodes.has(tx, id)) return false;
  learningNodes.delete(tx, id);
  return true;
}

/** Records that the removal of these nodes is committed. Answers whether any of them lacked that record. */
export function recordRetirements(tx: Tx, ids: readonly NodeId[]): boolean {
  const lacking = ids
    .map((id): [NodeId, NodeInfo | undefined] => [id, nodeInfos.get(tx, id)])
    .filter(([, info]) => info !== undefined && info.retired_committed !== true);
  for (const [id, info] of lacking) nodeInfos.set(tx, id, { ...(info as NodeInfo), retired_committed: true });
  return lacking.length > 0;
}

function invalid(what: string): GovernanceError {
  return new GovernanceError('MembershipInvalid', `The nodes cannot change so: ${what}.`);
}

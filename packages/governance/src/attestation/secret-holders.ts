import type { ReadableMapState, Tx } from '@coco/kv';
import { type NodeId, nodeStandings, suspendedNodes } from '../tables/nodes.ts';

/**
 * Whether ledger secrets may go to a node: not to one that does without them already, or that may only verify. The last
 * voter goes on, whatever it may do, and needs them.
 */
export function mayHoldSecrets(state: ReadableMapState, id: NodeId): boolean {
  const standing = nodeStandings.get(state, id);
  if (standing === undefined) return true;
  if (standing.secretless === true) return false;
  const role = standing.lowered?.from ?? standing.role;
  return role !== 'verify' || !suspendedNodes.has(state, id);
}

/** Notes of a node that it goes without ledger secrets from here on. */
export function goWithoutSecrets(tx: Tx, id: NodeId): void {
  const standing = nodeStandings.get(tx, id);
  if (standing === undefined || standing.secretless === true) return;
  nodeStandings.set(tx, id, { ...standing, role: 'verify', secretless: true });
}

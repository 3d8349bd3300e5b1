import type { Membership, NodeId } from './entry.ts';

/** How many of `size` voters any decision needs, so that two decisions always share one. */
export function majority(size: number): number {
  return Math.floor(size / 2) + 1;
}

/** Whether, in every configuration, a majority of its own voters satisfies `agrees`. */
export function everyQuorum(
  configurations: readonly Membership[],
  agrees: (node: NodeId) => boolean,
): boolean {
  for (const { voters } of configurations) {
    let count = 0;
    for (const node of voters) if (agrees(node)) count++;
    if (count < majority(voters.length)) return false;
  }
  return true;
}

/** The highest seqno that a majority of voters holds in every configuration. 0 without configurations. */
export function quorumSeqno(configurations: readonly Membership[], heldBy: (node: NodeId) => number): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const { voters } of configurations) lowest = Math.min(lowest, majoritySeqno(voters, heldBy));
  return lowest === Number.POSITIVE_INFINITY ? 0 : lowest;
}

function majoritySeqno(voters: readonly NodeId[], heldBy: (node: NodeId) => number): number {
  if (voters.length === 1) return heldBy(voters[0]!);
  const held = voters.map(heldBy).sort((a, b) => b - a);
  return held[majority(voters.length) - 1] ?? 0;
}

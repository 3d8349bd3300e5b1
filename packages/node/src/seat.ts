import { type Entry, type Origin, Raft } from '@coco/consensus';
import type { NodeConfig } from './config.ts';
import type { Random } from './identity.ts';

/**
 * A node's place in consensus: its views and votes. It outlives the state the node holds, which a snapshot may replace as a
 * whole; a vote that was forgotten could be given twice.
 */
export interface Seat {
  readonly raft: Raft;
  /** Whoever holds the state now says which entries of a leader are believed. */
  inspector: (after: number, entries: readonly Entry[]) => boolean;
}

/** Takes a place where the ledger is at `origin`. */
export function takeSeat(options: {
  readonly id: string;
  readonly origin: Origin;
  readonly config: NodeConfig;
  readonly random: Random;
}): Seat {
  const { id, origin, config, random } = options;
  const seat: Seat = {
    inspector: () => false,
    raft: new Raft({
      id,
      origin,
      heartbeatTicks: config.consensus.message_timeout,
      electionTicks: config.consensus.election_timeout,
      random: uniform(random),
      preVote: true,
      stickyLeader: true,
      eager: true,
      admits: (after, entries) => seat.inspector(after, entries),
    }),
  };
  return seat;
}

/** A number in [0, 1) from random bytes. */
function uniform(random: Random): () => number {
  return () => {
    const [a = 0, b = 0, c = 0, d = 0] = random(4);
    return (a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / 2 ** 32;
  };
}

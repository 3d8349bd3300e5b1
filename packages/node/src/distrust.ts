import type { Message, NodeId } from '@coco/consensus';
import { nodePolicy, nodeStandings } from '@coco/governance';
import { limits } from './limits.ts';
import type { Replica } from './replica.ts';

/** A renewal of a node's evidence, and when this node saw it, by its own time. */
interface Seen {
  readonly renewal: string;
  readonly atMs: number;
}

/** What a lease is stretched by before a backup acts: the primary, who records it, is to be first. */
const patience = 1.125;

/**
 * A backup's own judgement of leases. A primary ends the vote of nodes whose lease has run out, but nobody ends its own when
 * its clock is held back by whoever runs its machine. So every node counts, by its own time, from when it last saw the
 * evidence of another renewed. It neither votes for a node that is overdue, nor acknowledges its entries: for consensus,
 * that is a node whose messages are lost. It never holds so many overdue that no quorum would be left.
 */
export class Distrust {
  readonly #replica: Replica;
  #seen: ReadonlyMap<NodeId, Seen> = new Map();
  #overdue: ReadonlySet<NodeId> = new Set();
  #nowMs = 0;
  #sinceLookMs = 0;
  /** How far the primary says that the service is. */
  #announced = 0;

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  tick(elapsedMs: number): void {
    this.#nowMs += elapsedMs;
    this.#sinceLookMs += elapsedMs;
    if (this.#sinceLookMs < limits.standingLookMs) return;
    this.#sinceLookMs = 0;
    this.#overdue = this.#look();
  }

  /** Whether consensus is to hear a message. */
  mayHear(from: NodeId, message: Message): boolean {
    if (message.kind === 'append') this.#announced = message.commit;
    return message.kind !== 'vote-request' || !this.#overdue.has(from);
  }

  /** Whether consensus may say this. Who lags is still told so: what it lacks may hold the renewal. */
  maySay(to: NodeId, message: Message): boolean {
    if (message.kind !== 'accepted' || !this.#overdue.has(to)) return true;
    return this.#announced > this.#replica.raft.last;
  }

  #look(): ReadonlySet<NodeId> {
    const { raft, store } = this.#replica;
    const state = store.begin();
    const { lease } = nodePolicy(state);
    const overdue = new Set<NodeId>();
    const seenNow = new Map<NodeId, Seen>();
    for (const [id, { verified, renewal }] of nodeStandings.entries(state)) {
      const mark = `${verified} ${renewal?.root ?? ''}`;
      const known = this.#seen.get(id);
      const isSame = lease !== undefined && known?.renewal === mark;
      const seen = isSame ? known : { renewal: mark, atMs: this.#nowMs };
      seenNow.set(id, seen);
      const endsAfterMs = (lease?.seconds ?? Number.POSITIVE_INFINITY) * 1000 * patience;
      if (id !== raft.id && this.#nowMs - seen.atMs > endsAfterMs) overdue.add(id);
    }
    this.#seen = seenNow;
    const leavesQuorum = raft.configurations.every(({ voters }) => {
      const left = voters.filter((id) => !overdue.has(id)).length;
      return left > voters.length / 2;
    });
    return leavesQuorum ? overdue : new Set();
  }
}

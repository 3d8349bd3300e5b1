import type { NodeId } from '@coco/governance';
import { limits } from '../limits.ts';
import type { Replica } from '../replica.ts';

/**
 * The primary's office, where it is wanted by those who lend nothing: what they deal runs only while one of their own
 * nodes has it. A primary keeps it for a while at least, so that two who want it in turn leave it time to work.
 */
export class Office {
  readonly #replica: Replica;
  readonly #isAway: (node: NodeId) => boolean;
  #view = 0;
  #sinceMs = 0;

  constructor(replica: Replica, isAway: (node: NodeId) => boolean) {
    this.#replica = replica;
    this.#isAway = isAway;
  }

  tick(now: number): void {
    const { view } = this.#replica.raft;
    if (view === this.#view) return;
    this.#view = view;
    this.#sinceMs = now;
  }

  /** Leaves the office to one of these nodes, if one can be reached and it was had for long enough. */
  leaveTo(nodes: readonly NodeId[], now: number): void {
    const replica = this.#replica;
    if (!replica.isPrimary || now - this.#sinceMs < limits.officeMsMin) return;
    const successor = nodes.find((node) => this.#mayLead(node) && !this.#isAway(node));
    if (successor === undefined) return;
    // The successor drops what is not signed, and nothing can be signed that is not proposed.
    replica.propose();
    replica.step({ kind: 'transfer', to: successor });
  }

  #mayLead(node: NodeId): boolean {
    return this.#replica.raft.configurations.every(({ voters }) => voters.includes(node));
  }
}

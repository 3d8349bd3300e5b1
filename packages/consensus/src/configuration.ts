import type { Configuration, Membership, NodeId, Origin } from './entry.ts';
import { ConsensusError } from './errors.ts';
import type { RetirementPhase } from './status.ts';

/** A node's way out: the entry that removed it, and the one that says its removal is committed. */
interface Retirement {
  readonly orderedAt: number;
  retiredAt: number | null;
  /** Learners leave as they were: without a vote. */
  readonly voter: boolean;
}

/**
 * Who is a member, as the log says it. A configuration is active from the moment its entry is appended until
 * a later one is committed; all active ones have a say in every decision.
 */
export class Configurations {
  #active: Configuration[] = [];
  #retirements = new Map<NodeId, Retirement>();

  constructor(origin: Origin) {
    this.reset(origin);
  }

  reset(origin: Origin): void {
    this.#active = [...origin.configurations];
    this.#retirements = new Map();
    for (const node of origin.retiring) {
      this.#retirements.set(node, { orderedAt: origin.seqno, retiredAt: null, voter: true });
    }
  }

  /** The current configuration first, pending ones after it. */
  get active(): readonly Configuration[] {
    return this.#active;
  }

  /** Throws when a proposal cannot become the next configuration. */
  check(next: Membership): void {
    const named = [...next.voters, ...next.learners];
    if (next.voters.length === 0 || new Set(named).size !== named.length) {
      throw new ConsensusError(
        'ConfigurationInvalid',
        'a configuration needs voters and names each node once',
      );
    }
    const retired = named.find((node) => this.#retirements.has(node));
    if (retired !== undefined) {
      throw new ConsensusError('NodeRetired', `node ${retired} was removed before; start it under a new id`);
    }
  }

  append(seqno: number, next: Membership): void {
    const newest = this.#active[this.#active.length - 1];
    if (newest !== undefined) {
      const staying = new Set([...next.voters, ...next.learners]);
      for (const node of [...newest.voters, ...newest.learners]) {
        if (staying.has(node)) continue;
        this.#retirements.set(node, {
          orderedAt: seqno,
          retiredAt: null,
          voter: newest.voters.includes(node),
        });
      }
    }
    this.#active.push({ seqno, voters: [...next.voters], learners: [...next.learners] });
  }

  /** An entry at `seqno` says that the removal of these nodes is committed. */
  retire(seqno: number, nodes: readonly NodeId[]): void {
    for (const node of nodes) {
      const retirement = this.#retirements.get(node);
      if (retirement !== undefined && retirement.retiredAt === null) retirement.retiredAt = seqno;
    }
  }

  truncate(seqno: number): void {
    this.#active = this.#active.filter((configuration) => configuration.seqno <= seqno);
    for (const [node, retirement] of this.#retirements) {
      if (retirement.orderedAt > seqno) this.#retirements.delete(node);
      else if (retirement.retiredAt !== null && retirement.retiredAt > seqno) retirement.retiredAt = null;
    }
  }

  /** Drops configurations that a committed one has replaced. Answers whether any was. */
  commit(seqno: number): boolean {
    let current = 0;
    this.#active.forEach((configuration, at) => {
      if (configuration.seqno <= seqno) current = at;
    });
    if (current > 0) this.#active.splice(0, current);
    return current > 0;
  }

  phaseOf(
    node: NodeId,
    at: { readonly lastCommittable: number; readonly commit: number },
  ): RetirementPhase | null {
    const retirement = this.#retirements.get(node);
    if (retirement === undefined) return null;
    if (retirement.retiredAt !== null && retirement.retiredAt <= at.commit) return 'RetiredCommitted';
    if (retirement.orderedAt <= at.commit) return 'Completed';
    return retirement.orderedAt <= at.lastCommittable ? 'Signed' : 'Ordered';
  }

  /** Nodes removed by a committed configuration for which no `retired` entry has been appended. */
  awaitingRetirement(commit: number): NodeId[] {
    const waiting: NodeId[] = [];
    for (const [node, { orderedAt, retiredAt }] of this.#retirements) {
      if (retiredAt === null && orderedAt <= commit) waiting.push(node);
    }
    return waiting;
  }

  /** What is known at `commit` alone: the committed configuration, and removed nodes still to be recorded. */
  committedAt(commit: number): Pick<Origin, 'configurations' | 'retiring'> {
    const retiring: NodeId[] = [];
    for (const [node, { orderedAt, retiredAt }] of this.#retirements) {
      if (orderedAt <= commit && (retiredAt === null || retiredAt > commit)) retiring.push(node);
    }
    return { configurations: this.#active.filter(({ seqno }) => seqno <= commit), retiring };
  }

  /** Everyone entries are sent to: all members, and removed nodes until their retirement is committed. */
  recipients(commit: number): Set<NodeId> {
    const nodes = new Set<NodeId>();
    for (const { voters, learners } of this.#active) {
      for (const node of voters) nodes.add(node);
      for (const node of learners) nodes.add(node);
    }
    for (const [node, { retiredAt }] of this.#retirements) {
      if (retiredAt === null || retiredAt > commit) nodes.add(node);
    }
    return nodes;
  }

  /** Everyone who has a vote in some active configuration. */
  voters(): Set<NodeId> {
    return new Set(this.#active.flatMap((configuration) => configuration.voters));
  }

  /** Whether the node has a vote in some active configuration, or had one until it was removed. */
  isVoter(node: NodeId): boolean {
    if (this.#retirements.get(node)?.voter) return true;
    return this.#active.some(({ voters }) => voters.includes(node));
  }

  /** Whether the newest configuration has the node as a learner. */
  isLearner(node: NodeId): boolean {
    return this.#active[this.#active.length - 1]?.learners.includes(node) ?? false;
  }
}

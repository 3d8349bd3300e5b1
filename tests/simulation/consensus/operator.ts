import type { Membership } from '@coco/consensus';
import { between, pick, type Random } from '../world/random.ts';
import type { Consortium } from './consortium.ts';
import type { Replica } from './replica.ts';

const VOTERS_MAX = 7;

/**
 * Whoever runs the nodes: starts and replaces them, changes who is a member, hands leadership over. It never
 * lets a majority of a configuration die, without which nothing could be promised.
 */
export class Operator {
  readonly #consortium: Consortium;
  readonly #random: Random;
  /** New nodes are learners first, as they should be, or voters at once, as they may. */
  readonly #learnersFirst: boolean;

  constructor(consortium: Consortium, random: Random) {
    this.#consortium = consortium;
    this.#random = random;
    this.#learnersFirst = random() < 0.5;
    consortium.onCaughtUp = (leader, node) => this.#promote(leader, node);
  }

  /** Brings a new service to its first size. */
  grow(first: Replica, voters: number): void {
    const ids = [first.id];
    while (ids.length < voters) ids.push(this.#consortium.join(undefined).id);
    if (voters > 1) first.proposeMembers({ voters: ids, learners: [] });
  }

  reconfigure(): void {
    const leader = pick(this.#random, this.#consortium.leaders());
    const newest = leader?.raft.configurations.at(-1);
    if (leader === undefined || newest === undefined || leader.raft.configurations.length > 3) return;
    const next = this.#nextMembership(newest);
    if (next === null || !this.#consortium.survives(null, next)) return;
    this.#consortium.reached.add('reconfiguration proposed');
    if (leader.raft.configurations.length > 1) this.#consortium.reached.add('reconfiguration during another');
    if (!next.voters.includes(leader.id)) this.#consortium.reached.add('leader removed');
    leader.proposeMembers(next);
  }

  /** Lets a node die, if the service can bear it; now and then replaces it later. */
  crash(): void {
    const victim = this.#consortium.any();
    if (victim === undefined || !this.#consortium.survives(victim.id)) return;
    this.#consortium.faults.add('crash');
    victim.crash();
  }

  /** Stops what has been told that it may be stopped. */
  stopRemovable(): void {
    for (const id of this.#consortium.removable) this.#consortium.replicas.get(id)?.crash();
  }

  /**
   * Without pre-votes a removed node that has not heard of its removal disturbs the others for ever. Whoever
   * runs such a service switches it off; with pre-votes it can stay.
   */
  stopDisturbers(): void {
    const { parameters } = this.#consortium;
    if (parameters.preVote) return;
    const members = this.#consortium.members();
    for (const { id } of this.#consortium.alive()) {
      if (!members.has(id) && this.#consortium.survives(id)) this.#consortium.replicas.get(id)?.crash();
    }
  }

  transfer(): void {
    const leader = this.#consortium.leader();
    if (leader === undefined) return;
    this.#consortium.reached.add('hand-over asked for');
    const voters = leader.raft.configurations.flatMap((configuration) => configuration.voters);
    leader.step({ kind: 'transfer', to: this.#random() < 0.5 ? null : (pick(this.#random, voters) ?? null) });
  }

  #nextMembership(newest: Membership): Membership | null {
    const { replicas } = this.#consortium;
    const dead = newest.voters.filter((id) => !replicas.get(id)?.alive);
    const learners = newest.learners.filter((id) => replicas.get(id)?.alive);
    const living = newest.voters.filter((id) => !dead.includes(id));
    const action = this.#random();
    if (dead.length > 0 && action < 0.6) {
      return { voters: [...living, ...dead.map(() => this.#join())], learners };
    }
    if (action < 0.75 && newest.voters.length < VOTERS_MAX) return this.#withNew({ ...newest, learners });
    if (action < 0.95 && living.length > 1) {
      const leaving = pick(this.#random, living);
      return { voters: newest.voters.filter((id) => id !== leaving), learners };
    }
    const size = between(this.#random, 1, Math.min(5, VOTERS_MAX));
    return { voters: Array.from({ length: size }, () => this.#join()), learners: [] };
  }

  #withNew({ voters, learners }: Membership): Membership {
    const id = this.#join();
    return this.#learnersFirst
      ? { voters, learners: [...learners, id] }
      : { voters: [...voters, id], learners };
  }

  #join(): string {
    const snapshot = this.#random() < 0.5 ? this.#consortium.any() : undefined;
    return this.#consortium.join(snapshot).id;
  }

  #promote(leader: Replica, node: string): void {
    const newest = leader.raft.configurations.at(-1);
    if (!newest?.learners.includes(node) || newest.voters.length >= VOTERS_MAX) return;
    this.#consortium.reached.add('learner promoted');
    const next = {
      voters: [...newest.voters, node],
      learners: newest.learners.filter((id) => id !== node),
    };
    // Not within the leader's own step.
    this.#consortium.clock.after(1, () => {
      const same = leader.raft.configurations.at(-1) === newest;
      if (same && this.#consortium.survives(null, next)) leader.proposeMembers(next);
    });
  }
}

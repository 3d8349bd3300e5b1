import { limits } from './limits.ts';
import type { Replica } from './replica.ts';
import type { Waiting } from './waiting.ts';

/**
 * How a node that is to stop leaves its office: it signs what it has, takes no more writes, lets the best placed of the
 * others catch up and asks it to take over. Nothing that was answered is lost, and nobody waits for an election timeout.
 */
export class Handover {
  readonly #replica: Replica;
  readonly #waiting: Waiting;
  /** Whether the channel to a node is lost. */
  readonly #isAway: (node: string) => boolean;
  #over: (() => void) | undefined;
  #elapsedMs = 0;

  constructor(replica: Replica, waiting: Waiting, isAway: (node: string) => boolean) {
    this.#replica = replica;
    this.#waiting = waiting;
    this.#isAway = isAway;
  }

  /** `over` is called once: when the office is another's, and what waits for its commit has it; or if that fails. */
  begin(over: () => void): void {
    this.#over = over;
    this.#elapsedMs = 0;
    if (!this.#replica.leads || !this.#hasOthers()) return;
    // The successor drops what is not signed, and nothing can be signed that is not proposed.
    this.#replica.propose();
    this.#replica.step({ kind: 'transfer', to: null });
  }

  tick(elapsedMs: number): void {
    this.#elapsedMs += elapsedMs;
  }

  step(): void {
    if (!this.#over || !(this.#isDone() || this.#elapsedMs >= limits.handoverMsMax)) return;
    const over = this.#over;
    this.#over = undefined;
    over();
  }

  /** Somebody else who could lead; where a whole service is stopped there is nobody soon. */
  #hasOthers(): boolean {
    const { id, configurations } = this.#replica.raft;
    return configurations.some(({ voters }) => voters.some((voter) => voter !== id && !this.#isAway(voter)));
  }

  #isDone(): boolean {
    const { leads, isPrimary } = this.#replica;
    // Primary again: nobody could take over.
    return isPrimary || !this.#hasOthers() || (!leads && this.#waiting.size === 0);
  }
}

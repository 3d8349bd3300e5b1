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
  #over: (() => void) | undefined;
  #elapsedMs = 0;

  constructor(replica: Replica, waiting: Waiting) {
    this.#replica = replica;
    this.#waiting = waiting;
  }

  /** `over` is called once: when the office is another's, and what waits for its commit has it; or if that fails. */
  begin(over: () => void): void {
    this.#over = over;
    this.#elapsedMs = 0;
    if (!this.#replica.leads || this.#isAlone()) return;
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

  #isAlone(): boolean {
    const { id, configurations } = this.#replica.raft;
    return configurations.every(({ voters }) => voters.every((voter) => voter === id));
  }

  #isDone(): boolean {
    const { leads, isPrimary } = this.#replica;
    // Primary again: nobody could take over.
    return isPrimary || (!leads && this.#waiting.size === 0);
  }
}

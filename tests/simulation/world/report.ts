import type { Tally } from './tally.ts';

/** A promise was broken; the message says which. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What a run came to, of whichever simulation. */
export interface Report {
  readonly seed: number;
  /** As they were drawn from the seed. */
  readonly parameters: object;
  /** The promise that was broken, or null. */
  readonly violation: string | null;
  readonly faults: Tally;
  /** Rare states that were reached. */
  readonly reached: Tally;
  /** Transactions committed. */
  readonly committed: number;
  readonly steps: number;
  readonly virtualMs: number;
  /** Of all that happened: equal for equal runs. */
  readonly fingerprint: number | string;
}

/** Runs to the end, or to the first promise that is broken. */
export function violationOf(run: () => void): string | null {
  try {
    run();
    return null;
  } catch (error) {
    // A broken invariant may surface inside the product as well as in a checker.
    if (!(error instanceof Error)) throw error;
    return error instanceof Violation ? error.message : (error.stack ?? error.message);
  }
}

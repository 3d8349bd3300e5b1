import { CryptoError } from '@coco/crypto';
import type { Check, CheckName } from './check-names.ts';
import type { Claims } from './claims.ts';
import { AttestationError, Refusal } from './errors.ts';

/** The checks of one verification, in the order made. The first that fails ends it. */
export class Checklist {
  readonly #done: Check[] = [];
  /** What the evidence says; set once it is known to be authentic, so that refusals by policy can tell. */
  claims: Claims | undefined;

  get done(): readonly Check[] {
    return this.#done;
  }

  /** Makes one check. What `step` refuses becomes an `AttestationError` that names the check. */
  run<T>(name: CheckName, step: () => T, describe?: (value: T) => string): T {
    let value: T;
    try {
      value = step();
    } catch (error) {
      if (error instanceof AttestationError) throw error;
      if (!(error instanceof Refusal) && !(error instanceof CryptoError)) throw error;
      const { message } = error;
      this.#done.push({ name, outcome: 'failed', detail: message });
      throw new AttestationError(name, message, {
        checks: [...this.#done],
        claims: this.claims,
        cause: error,
      });
    }
    this.#done.push({ name, outcome: 'passed', detail: describe?.(value) ?? '' });
    return value;
  }

  /** Makes a check only when somebody asked: `wanted` is undefined otherwise, and that is recorded. */
  ask<W>(
    name: CheckName,
    wanted: W | undefined,
    step: (wanted: W) => void,
    describe?: (wanted: W) => string,
  ): void {
    if (wanted === undefined) this.#done.push({ name, outcome: 'not asked', detail: '' });
    else
      this.run(
        name,
        () => step(wanted),
        () => describe?.(wanted) ?? '',
      );
  }
}

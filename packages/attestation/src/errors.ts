import type { Check, CheckName } from './check-names.ts';
import type { Claims } from './claims.ts';

/**
 * Evidence was refused. `code` is the check that failed; the message says what was found. `claims` are there
 * when the evidence is authentic and was refused for what it says: they are for people, not for decisions.
 */
export class AttestationError extends Error {
  override readonly name = 'AttestationError';
  readonly code: CheckName;
  /** The checks made until then; the last one failed. */
  readonly checks: readonly Check[];
  readonly claims: Claims | undefined;

  constructor(
    code: CheckName,
    message: string,
    found: {
      readonly checks: readonly Check[];
      readonly claims?: Claims | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: found.cause });
    this.code = code;
    this.checks = found.checks;
    this.claims = found.claims;
  }
}

/** What a step throws that does not know which check it is part of. The checklist names it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Ends the current check with what was found. */
export function refuse(message: string): never {
  throw new Refusal(message);
}

/** Ends the current check unless `condition` holds. */
export function insist(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Refusal(message);
}

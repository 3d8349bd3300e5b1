import { setTimeout as delay } from 'node:timers/promises';
import { CliError } from '../errors.ts';

const pollMs = 25;

/** Asks until it is so. Throws `Failed` naming `what` when that takes too long. */
export async function until(what: string, done: () => Promise<boolean>, waitMs = 30_000): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (!(await done())) {
    if (Date.now() > deadline) throw new CliError('Failed', `${what}: not within ${waitMs / 1000} s`);
    await delay(pollMs);
  }
}

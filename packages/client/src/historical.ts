import { header } from '@coco/api';
import type { Answer } from './answer.ts';
import { ClientError } from './errors.ts';
import { pollDelayMaxMs, pollDelayMs, waitMs } from './limits.ts';
import { formatName, type TransactionName } from './names.ts';
import { retryAfterMs } from './retry.ts';
import type { Request, Session } from './session.ts';

/**
 * Sends a read that the service may first have to fetch from its ledger files (202), and repeats it until
 * the answer is there. `retry-after` bounds the pause from above: most states arrive much sooner. Throws
 * `TimedOut` when the wait is over.
 */
export async function untilAvailable(
  session: Session,
  request: Request,
  options: { readonly waitMs?: number } = {},
): Promise<Answer> {
  const { now, sleep } = session.world;
  const deadline = now() + (options.waitMs ?? waitMs);
  for (let pause = pollDelayMs; ; pause = Math.min(pause * 2, pollDelayMaxMs)) {
    const answer = await session.request(request);
    if (answer.status !== 202) return answer;
    const left = deadline - now();
    if (left <= 0) throw new ClientError('TimedOut', `${request.path}: the state is still being fetched`);
    await sleep(Math.min(pause, retryAfterMs(answer) ?? pause, left));
  }
}

/** Asks a historical endpoint of a contract for its answer at a transaction. */
export function historical(
  session: Session,
  path: string,
  name: TransactionName,
  options: { readonly waitMs?: number } = {},
): Promise<Answer> {
  const headers = { [header.transactionId]: formatName(name) };
  return untilAvailable(session, { method: 'GET', path, headers }, options);
}

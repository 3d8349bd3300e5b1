import { type ErrorCode, header } from '@coco/api';
import { type Answer, refusalOf } from './answer.ts';
import type { ClientError } from './errors.ts';
import {
  attemptsMax,
  leaderlessAttemptsMax,
  leaderlessDelayMs,
  retryDelayMaxMs,
  retryDelayMs,
} from './limits.ts';

/** Of those below, what a service says while it is without a primary: that lasts about as long as an election. */
const leaderless: ReadonlySet<string> = new Set<ErrorCode>([
  'PrimaryNotFound',
  'BackupNotFound',
  'TransactionReplicationFailed',
]);

/** Answers by which a node promises that it did not execute the request, and that another try may do. */
const notExecuted: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TooManyPendingTransactions',
  'TransactionCommitAttemptsExceedLimit',
  'TransactionReplicationFailed',
  'PrimaryNotFound',
  'BackupNotFound',
  'SessionCapExhausted',
]);

/** What came of one try. */
export type Attempt =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly error: ClientError };

/** What matters about a request when deciding whether it may be sent again. */
export interface Repeatable {
  readonly method: string;
  /** Executing it twice does what executing it once does: the key tells the contract which is which. */
  readonly idempotencyKey?: string | undefined;
  readonly repeatable?: boolean | undefined;
}

/**
 * How long to wait before trying again, in milliseconds; null when the attempt stands. A request is sent
 * again only when it surely was not executed, or when executing it twice does no harm: reads, and writes
 * that the caller vouches for.
 */
export function retryDelay(request: Repeatable, attempt: Attempt, tries: number): number | null {
  if (isLeaderless(attempt)) return tries < leaderlessAttemptsMax ? leaderlessDelayMs : null;
  if (tries >= attemptsMax) return null;
  const vouched = request.idempotencyKey !== undefined || request.repeatable === true;
  const harmless = isRead(request.method) || vouched;
  const pause = Math.min(retryDelayMs * 2 ** (tries - 1), retryDelayMaxMs);
  if (attempt.kind === 'failed') {
    if (attempt.error.code === 'Unreachable') return pause;
    return attempt.error.code === 'Interrupted' && harmless ? pause : null;
  }
  const { answer } = attempt;
  const { code } = refusalOfFailure(answer);
  if (code === 'SessionConsistencyLost') return harmless ? pause : null;
  if (answer.status !== 503) return null;
  const promised = code !== undefined && (notExecuted as ReadonlySet<string>).has(code);
  if (!promised && !(harmless && answer.headers[header.retryAfter] !== undefined)) return null;
  return Math.min(Math.max(pause, retryAfterMs(answer) ?? 0), retryDelayMaxMs);
}

function isLeaderless(attempt: Attempt): boolean {
  if (attempt.kind === 'failed' || attempt.answer.status !== 503) return false;
  return leaderless.has(refusalOfFailure(attempt.answer).code ?? '');
}

/** The `retry-after` of an answer, in milliseconds; undefined when there is none in seconds. */
export function retryAfterMs(answer: Answer): number | undefined {
  const text = answer.headers[header.retryAfter];
  return text !== undefined && /^[0-9]{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** Methods that HTTP defines as safe. */
export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function refusalOfFailure(answer: Answer): { code: string | undefined } {
  return answer.status >= 500 ? refusalOf(answer) : { code: undefined };
}

import {
  type CommitOut,
  type Frontend,
  formatPrefer,
  header,
  type TransactionOut,
  type TransactionStatus,
} from '@coco/api';
import type { ByteString } from '@coco/crypto';
import { formatTxId, parseTxId, type TxId } from '@coco/ledger';
import { type Answer, accepted, isOk, jsonOf, transactionNameOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { pollDelayMaxMs, pollDelayMs, waitMs } from './limits.ts';
import { formatName, idIn, type TransactionName } from './names.ts';
import { type CheckedReceipt, checkReceipt, fetchReceipt, receiptFromHeader } from './receipts.ts';
import type { Request, Session } from './session.ts';

/** What `submit` should wait for. */
export interface SubmitOptions {
  /** Also obtain the receipt and verify it. */
  readonly receipt?: boolean;
  /** How long to wait for the commit, in milliseconds. */
  readonly waitMs?: number;
  /** SHA-256 of what the contract claims, when the receipt must prove it. */
  readonly claimsDigest?: ByteString;
}

/**
 * What became of a write. `Refused`: the service did not do it. `Unrecorded`: done, and nothing was
 * written. `Invalid`: a change of primary has dropped it for good; submitting it again is safe. `Pending`:
 * not final within the wait.
 */
export type Submitted =
  | { readonly outcome: 'Refused' | 'Unrecorded'; readonly answer: Answer }
  | ({ readonly outcome: 'Invalid' | 'Pending'; readonly answer: Answer } & NamedTransaction)
  | ({
      readonly outcome: 'Committed';
      readonly answer: Answer;
      readonly receipt?: CheckedReceipt;
    } & NamedTransaction);

/** How the service calls what it wrote. */
export interface NamedTransaction {
  /** The id, or the reference; undefined of a service that hides ids and has not given references out yet. */
  readonly transaction: string | undefined;
  /** Undefined where members want ids hidden. */
  readonly transactionId: TxId | undefined;
}

/**
 * Sends a write and waits for its commit. A service that honours `prefer: wait` answers in one round trip,
 * receipt included; with any other the transaction is looked at until it is final.
 */
export async function submit(
  session: Session,
  request: Request,
  options: SubmitOptions = {},
): Promise<Submitted> {
  const patienceMs = options.waitMs ?? waitMs;
  const deadline = session.world.now() + patienceMs;
  const prefer = formatPrefer({ waitMs: patienceMs, receipt: options.receipt === true });
  const answer = await session.request({
    ...request,
    headers: { ...request.headers, [header.prefer]: prefer },
  });
  const name = transactionNameOf(answer);
  const outcome = await settle(session, answer, name, deadline);
  if (outcome === 'Refused' || outcome === 'Unrecorded') return { outcome, answer };
  const transactionId = idIn(name);
  const named = { transaction: name && formatName(name), transactionId };
  if (outcome !== 'Committed' || options.receipt !== true) return { outcome, answer, ...named };
  const expected = { transactionId, ...(options.claimsDigest && { claimsDigest: options.claimsDigest }) };
  const included = receiptFromHeader(answer);
  if (included) return { outcome, answer, ...named, receipt: checkReceipt(session, included, expected) };
  if (name === undefined) return { outcome, answer, ...named };
  const patience = { ...expected, waitMs: deadline - session.world.now() };
  return { outcome, answer, ...named, receipt: await fetchReceipt(session, name, patience) };
}

async function settle(
  session: Session,
  answer: Answer,
  name: TransactionName | undefined,
  deadline: number,
): Promise<Submitted['outcome']> {
  const told = answer.headers[header.transactionStatus];
  if (told === 'Committed' || told === 'Invalid') {
    take(session, name, told);
    return told;
  }
  if (name === undefined) return isOk(answer) ? 'Unrecorded' : 'Refused';
  return awaitCommit(session, name, { waitMs: deadline - session.world.now() });
}

/**
 * What a node says of a transaction at this moment. Every frontend knows; `app` answers once the service is
 * open, `node` always, if the interface lets it through.
 */
export async function transactionStatus(
  session: Session,
  name: TransactionName,
  frontend: Frontend = 'app',
): Promise<TransactionStatus> {
  const path = `/${frontend}/tx?transaction_id=${formatName(name)}`;
  const answer = accepted(await session.request({ method: 'GET', path }), path);
  const { status } = jsonOf<TransactionOut>(answer);
  take(session, name, status);
  return status;
}

/** Looks at a transaction until it is final; `Pending` when it is not within the wait. */
export async function awaitCommit(
  session: Session,
  name: TransactionName,
  options: { readonly waitMs?: number; readonly frontend?: Frontend } = {},
): Promise<'Committed' | 'Invalid' | 'Pending'> {
  const { now, sleep } = session.world;
  const deadline = now() + (options.waitMs ?? waitMs);
  for (let pause = pollDelayMs; ; pause = Math.min(pause * 1.5, pollDelayMaxMs)) {
    const status = await transactionStatus(session, name, options.frontend);
    if (status === 'Committed' || status === 'Invalid') return status;
    const left = deadline - now();
    if (left <= 0) return 'Pending';
    await sleep(Math.min(pause, left));
  }
}

/** The highest transaction that a node knows to be committed. */
export async function lastCommitted(session: Session, frontend: Frontend = 'app'): Promise<TxId> {
  const path = `/${frontend}/commit`;
  const answer = accepted(await session.request({ method: 'GET', path }), path);
  const txId = parseTxId(jsonOf<CommitOut>(answer).transaction_id);
  session.memory.committed(txId);
  return txId;
}

/**
 * Holds the service to the highest transaction that was remembered from earlier sessions, and to its content
 * when the receipt was seen and may be seen. Throws `WentBack` when it denies it, `TimedOut` when no node knows of it within
 * the wait.
 */
export async function checkMemory(
  session: Session,
  options: { readonly waitMs?: number } = {},
): Promise<void> {
  const remembered = session.memory.highest;
  if (remembered === undefined) return;
  const { leaf, txId } = remembered;
  // The node's frontend: a service that is being opened or recovered is held to its word as well.
  const status = await awaitCommit(session, txId, { ...options, frontend: 'node' });
  if (status === 'Pending') {
    const name = formatTxId(txId);
    throw new ClientError('TimedOut', `no node confirms ${name}, which was committed when last seen`);
  }
  if (leaf !== undefined) await checkContent(session, txId, options);
}

/**
 * Compares a committed transaction with the leaf that is remembered of it. One that is private to others than this caller
 * (the memory is of a machine, and audiences change) has no receipt for it: then that it is committed must do.
 */
async function checkContent(
  session: Session,
  txId: TxId,
  options: { readonly waitMs?: number },
): Promise<void> {
  try {
    await fetchReceipt(session, txId, { ...options, frontend: 'node' });
  } catch (error) {
    const hidden = error instanceof ClientError && error.refusal?.code === 'TransactionPendingOrUnknown';
    if (!hidden) throw error;
  }
}

/** A reference says nothing of how far the service has come. */
function take(session: Session, name: TransactionName | undefined, status: TransactionStatus): void {
  const txId = idIn(name);
  if (txId === undefined) return;
  if (status === 'Committed') session.memory.committed(txId);
  if (status === 'Invalid') session.memory.invalid(txId);
}

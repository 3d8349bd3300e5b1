import { header, type WaitOutcome } from '@coco/api';
import type { LeafComponents, Receipt } from '@coco/ledger';
import { type Answer, refusal, withHeader } from './frontend/answer.ts';
import { limits } from './limits.ts';

/** Makes the receipt of an entry that the signature at hand covers. */
export type ReceiptMaker = (seqno: number, leaf: LeafComponents) => Receipt;

/** One answer held back until its transaction is committed. */
interface Waiter {
  readonly requestId: number;
  readonly seqno: number;
  readonly txId: string;
  readonly answer: Answer;
  /** What the receipt is made of, when one is wanted. */
  readonly leaf: LeafComponents | null;
  readonly deadline: number;
  /** A read that is worth nothing before what it read is committed. */
  readonly isRead?: boolean;
  receipt?: Receipt;
}

const encodeReceipt = (receipt: Receipt): string =>
  // A receipt is ASCII: hex, base64, PEM.
  btoa(JSON.stringify(receipt)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/**
 * Answers that wait for their commit (`Prefer: wait`), in the order of their transactions. Answers leave by
 * `release`, exactly once each: committed, overtaken by a new view, or out of patience.
 */
export class Waiting {
  readonly #release: (requestId: number, answer: Answer) => void;
  #waiters: Waiter[] = [];

  constructor(release: (requestId: number, answer: Answer) => void) {
    this.#release = release;
  }

  get size(): number {
    return this.#waiters.length;
  }

  /** Whether any answer still lacks the receipt it asked for. */
  get wantsReceipts(): boolean {
    return this.#waiters.some((waiter) => waiter.leaf !== null && waiter.receipt === undefined);
  }

  /** Holds an answer back. Answers false when too many wait already: answer at once then. */
  add(waiter: Omit<Waiter, 'receipt'>): boolean {
    if (this.#waiters.length >= limits.waitingRequestsMax) return false;
    this.#waiters.push(waiter);
    return true;
  }

  /** A signature now covers every entry before `seqno`: receipts can be made while the tree is at hand. */
  signed(seqno: number, make: ReceiptMaker): void {
    for (const waiter of this.#waiters) {
      if (waiter.leaf === null || waiter.receipt !== undefined || waiter.seqno >= seqno) continue;
      waiter.receipt = make(waiter.seqno, waiter.leaf);
    }
  }

  /** Everything up to `seqno` is committed. */
  committed(seqno: number): void {
    this.#settle((waiter) => waiter.seqno <= seqno, 'Committed');
  }

  /** Everything after `seqno` was rolled back by a change of view. */
  rolledBack(seqno: number): void {
    this.#settle((waiter) => waiter.seqno > seqno, 'Invalid');
  }

  /** Time has passed: those out of patience are answered as they stand. */
  expire(now: number): void {
    this.#settle((waiter) => waiter.deadline <= now, 'Pending');
  }

  #settle(isDue: (waiter: Waiter) => boolean, outcome: WaitOutcome): void {
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter(isDue);
    this.#waiters = this.#waiters.filter((waiter) => !isDue(waiter));
    for (const waiter of due) this.#release(waiter.requestId, conclude(waiter, outcome));
  }
}

function conclude(waiter: Waiter, outcome: WaitOutcome): Answer {
  if (waiter.isRead && outcome !== 'Committed') {
    return refusal(
      503,
      'TransactionReplicationFailed',
      `What was read at ${waiter.txId} is not committed: ask again.`,
    );
  }
  if (outcome === 'Invalid') {
    const gone = `Transaction ${waiter.txId} was lost in a change of primary and will never commit; send it again.`;
    return withHeader(refusal(503, 'TransactionReplicationFailed', gone), header.transactionStatus, outcome);
  }
  const answer = withHeader(waiter.answer, header.transactionStatus, outcome);
  if (outcome !== 'Committed') return answer;
  const applied = withHeader(
    answer,
    header.preferenceApplied,
    waiter.receipt === undefined ? 'wait' : 'wait, receipt',
  );
  return waiter.receipt === undefined
    ? applied
    : withHeader(applied, header.receipt, encodeReceipt(waiter.receipt));
}

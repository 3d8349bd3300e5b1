import { formatTxId, type TxId } from '@coco/ledger';
import { Violation } from '../../world/report.ts';
import type { CommittedLedger } from './committed-ledger.ts';

/** Two answers over one connection, one after the other. */
interface Step {
  readonly session: number;
  readonly before: TxId;
  readonly after: TxId;
}

/** What a client is answered over one connection stands on all that it was answered before. */
export class Sessions {
  readonly #ledger: CommittedLedger;
  readonly #latest = new Map<number, TxId>();
  readonly #steps: Step[] = [];

  constructor(ledger: CommittedLedger) {
    this.#ledger = ledger;
  }

  /** An answer came over a connection, on which nothing else was asked meanwhile. */
  onAnswer(session: number, after: TxId): void {
    const before = this.#latest.get(session);
    this.#latest.set(session, after);
    if (before === undefined) return;
    const step = { session, before, after };
    if (before.view === after.view && after.seqno < before.seqno) throw broken(step);
    this.#steps.push(step);
  }

  /** Where the later answer is committed, the earlier one is, and before it. */
  expectConsistent(): void {
    for (const step of this.#steps) {
      const { before, after } = step;
      if (this.#isThere(after) && (!this.#isThere(before) || after.seqno < before.seqno)) throw broken(step);
    }
  }

  #isThere({ view, seqno }: TxId): boolean {
    return this.#ledger.transactions[seqno]?.view === view;
  }
}

function broken({ session, before, after }: Step): Violation {
  return new Violation(
    `session ${session} was answered with ${formatTxId(before)} and then with ${formatTxId(after)}`,
  );
}

import { NodeError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Outbox } from '../outbox.ts';

/** Reads entries one range after the other, as the host gives them. */
export abstract class LedgerReader {
  readonly #outbox: Outbox;
  #next: number;
  #last: number;

  constructor(outbox: Outbox, first: number, last: number) {
    this.#outbox = outbox;
    this.#next = first;
    this.#last = last;
  }

  /** Seqno of the next entry to come. */
  get next(): number {
    return this.#next;
  }

  start(): void {
    const to = Math.min(this.#last, this.#next + limits.readEntriesMax - 1);
    this.#outbox.push({ kind: 'read-entries', from: this.#next, to, needed: true });
  }

  /** Takes what was read. Answers true when the ledger is read to its end. */
  entriesRead(from: number, entries: readonly Uint8Array[]): boolean {
    if (from !== this.#next) return false;
    for (const bytes of entries) {
      if (this.#next > this.#last) break;
      this.take(bytes, this.#next);
      this.#next++;
    }
    if (this.#next > this.#last) return true;
    if (entries.length === 0) return this.ended(this.#next);
    this.start();
    return false;
  }

  protected abstract take(bytes: Uint8Array, seqno: number): void;

  /** The files end before the last entry that was asked for. */
  protected ended(next: number): boolean {
    throw new NodeError('LedgerUnsound', `the ledger files hold no entry ${next}`);
  }
}

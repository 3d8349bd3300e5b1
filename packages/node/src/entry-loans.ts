import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { encodeWire, type LentEntries, type WantedEntries } from './wire.ts';

/** What one loan asks for, and of whom. */
interface Loan extends WantedEntries {
  /** Nodes that were not asked yet. */
  readonly others: string[];
  /** The node that owes an answer. */
  asked: string;
  deadline: number;
}

interface Asker extends WantedEntries {
  readonly node: string;
}

/** What loans rest on. */
export interface LoanParts {
  readonly outbox: Outbox;
  /** Ids of the nodes that can be asked. */
  reachable(): string[];
  /** Seqno of the latest commit. */
  committed(): number;
  now(): number;
  /** What came of a loan: consecutive entries from a seqno; empty when no node gave any. Whoever asked verifies them. */
  given(from: number, entries: readonly Uint8Array[]): void;
}

/**
 * Old entries that the files of this node do not hold, because its ledger begins after a snapshot: asked of the other
 * nodes, one after the other. And the other way round.
 */
export class EntryLoans {
  readonly #parts: LoanParts;
  /** By the first seqno. */
  readonly #loans = new Map<number, Loan>();
  #askers: Asker[] = [];

  constructor(parts: LoanParts) {
    this.#parts = parts;
  }

  /** Asks for committed entries; `given` answers. The first nodes are passed over whose entries were not to be believed. */
  borrow(from: number, to: number, { after } = { after: 0 }): void {
    if (this.#loans.has(from)) return;
    const others = this.#parts.reachable().slice(after);
    this.#askNext({ kind: 'wanted', from, to, others, asked: '', deadline: 0 });
  }

  /** Another node has answered. */
  lent(node: string, { from, entries }: LentEntries): void {
    const loan = this.#loans.get(from);
    if (loan?.asked !== node) return;
    if (entries.length === 0) this.#askNext(loan);
    else this.#end(loan, entries);
  }

  /** Another node asks. Its question is left alone when too many wait for an answer already. */
  wanted(node: string, { from, to }: WantedEntries): void {
    if (this.#askers.length >= limits.loansMax) return;
    const last = Math.min(to, from + limits.readEntriesMax - 1, this.#parts.committed());
    if (from < 1 || last < from) return;
    this.#askers.push({ kind: 'wanted', node, from, to: last });
    this.#parts.outbox.push({ kind: 'read-entries', from, to: last });
  }

  /** The host has read entries. */
  entriesRead(from: number, entries: readonly Uint8Array[]): void {
    if (this.#askers.length === 0) return;
    const answered = this.#askers.filter((asker) => asker.from === from);
    this.#askers = this.#askers.filter((asker) => asker.from !== from);
    for (const { node, to } of answered) {
      const message = encodeWire({ kind: 'lent', from, entries: fitting(entries.slice(0, to + 1 - from)) });
      this.#parts.outbox.push({ kind: 'send', to: node, message });
    }
  }

  /** Time has passed: who has not answered is not waited for. */
  tick(): void {
    for (const loan of this.#loans.values()) if (loan.deadline <= this.#parts.now()) this.#askNext(loan);
  }

  #askNext(loan: Loan): void {
    const next = loan.others.shift();
    if (next === undefined) {
      this.#end(loan, []);
      return;
    }
    loan.asked = next;
    loan.deadline = this.#parts.now() + limits.loanPatienceMs;
    this.#loans.set(loan.from, loan);
    const message = encodeWire({ kind: 'wanted', from: loan.from, to: loan.to });
    this.#parts.outbox.push({ kind: 'send', to: next, message });
  }

  #end(loan: Loan, entries: readonly Uint8Array[]): void {
    this.#loans.delete(loan.from);
    this.#parts.given(loan.from, entries);
  }
}

/** As many of the first entries as one message takes; one at least. */
function fitting(entries: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = 0;
  const end = entries.findIndex((entry, i) => {
    bytes += entry.length;
    return i > 0 && bytes > limits.lentBytesMax;
  });
  return end < 0 ? entries : entries.slice(0, end);
}

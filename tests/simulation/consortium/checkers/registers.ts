import { type ByteString, byteStringToUtf8 } from '@coco/kv';
import { formatTxId, parseTxId } from '@coco/ledger';
import { isPublic } from '../contract.ts';
import type { Operation } from '../history.ts';
import type { Committed, CommittedLedger } from './committed-ledger.ts';
import { explain } from './linearizable.ts';
import { Violation } from './observer.ts';

interface Version {
  readonly seqno: number;
  readonly value: string;
}

/**
 * What clients were told agrees with what was committed: nothing acknowledged is lost, each operation saw what was there
 * at its place, no final status is ever revised, and one order explains all that clients saw.
 */
export class Registers {
  readonly operations: Operation[] = [];
  readonly #ledger: CommittedLedger;
  /** Committed values by key, oldest first. */
  readonly #versions = new Map<string, Version[]>();
  readonly #statuses = new Map<string, string>();

  constructor(ledger: CommittedLedger) {
    this.#ledger = ledger;
    ledger.onTransaction((transaction) => this.#take(transaction));
  }

  /** A node told somebody what became of a transaction. */
  onStatus(txId: string, status: string): void {
    if (status !== 'Committed' && status !== 'Invalid') return;
    const before = this.#statuses.get(txId) ?? status;
    this.#statuses.set(txId, status);
    if (before !== status) throw new Violation(`transaction ${txId} was ${before} and now is ${status}`);
    const { view, seqno } = parseTxId(txId);
    const isThere = this.#ledger.transactions[seqno]?.view === view;
    if (isThere !== (status === 'Committed')) {
      throw new Violation(
        `transaction ${txId} is said to be ${status}, but it is ${isThere ? '' : 'not '}there`,
      );
    }
  }

  /** An operation is known to be committed. */
  onCommitted(operation: Operation): void {
    const { action, key, txId, seen } = operation;
    if (txId === null) return;
    const name = formatTxId(txId);
    const before = this.valueAt(key, action.kind === 'read' ? txId.seqno : txId.seqno - 1);
    if (seen !== before) throw new Violation(`${action.kind} ${name} of ${key} saw ${seen}, not ${before}`);
    const written =
      action.kind === 'write'
        ? action.value
        : action.kind === 'swap' && seen === action.from
          ? action.to
          : before;
    const after = this.valueAt(key, txId.seqno);
    if (after !== written) throw new Violation(`${key} holds ${after} after ${name}, which left ${written}`);
  }

  /** The committed value of a register after a transaction. */
  valueAt(key: string, seqno: number): string | null {
    return this.#versions.get(key)?.findLast((version) => version.seqno <= seqno)?.value ?? null;
  }

  /** Every history of a register has an explanation. */
  expectLinearizable(): void {
    const current = this.operations.filter(({ action }) => action.kind !== 'read' || action.isCurrent);
    for (const [key, operations] of Map.groupBy(current, (operation) => operation.key)) {
      const left = explain(operations);
      if (left === null) continue;
      const [first] = left;
      throw new Violation(
        `what clients saw of ${key} has no explanation: ${JSON.stringify(first)} fits nowhere`,
      );
    }
  }

  #take({ seqno, writeSet }: Committed): void {
    for (const map of ['registers', 'public:registers']) {
      for (const [key, value] of writeSet.get(map) ?? []) this.#add(byteStringToUtf8(key), seqno, map, value);
    }
  }

  #add(key: string, seqno: number, map: string, value: ByteString | null): void {
    if (value === null || isPublic(key) !== map.startsWith('public:')) {
      throw new Violation(`transaction ${seqno} wrote ${value} to ${key} of ${map}, which nobody asked for`);
    }
    const versions = this.#versions.get(key) ?? [];
    versions.push({ seqno, value: JSON.parse(byteStringToUtf8(value)) as string });
    this.#versions.set(key, versions);
  }
}

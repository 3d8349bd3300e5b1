import { type ByteString, byteStringToUtf8 } from '@coco/kv';
import { formatTxId, parseTxId } from '@coco/ledger';
import { Violation } from '../../world/report.ts';
import { isPublic } from '../contract.ts';
import { type Operation, resultOf } from '../history.ts';
import type { Committed, CommittedLedger } from './committed-ledger.ts';
import { explain } from './linearizable.ts';

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
    const { key, txId, seen } = operation;
    if (txId === null) return;
    const name = `${operation.action.kind} ${formatTxId(txId)} of ${key}`;
    const written = resultOf(operation, seen);
    // What wrote nothing has the id of the transaction whose state it read.
    const before = this.valueAt(key, written === undefined ? txId.seqno : txId.seqno - 1);
    if (seen !== before) throw new Violation(`${name} saw ${seen}, not ${before}`);
    const after = this.valueAt(key, txId.seqno);
    if (written !== undefined && after !== written)
      throw new Violation(`${name} left ${after}, not ${written}`);
  }

  /** The committed value of a register after a transaction. */
  valueAt(key: string, seqno: number): string | null {
    return this.#versions.get(key)?.findLast((version) => version.seqno <= seqno)?.value ?? null;
  }

  /** Every history of a register has an explanation. */
  expectLinearizable(): void {
    const current = this.operations.filter(
      (operation) =>
        operation.isCurrent ||
        operation.outcome !== 'committed' ||
        resultOf(operation, operation.seen) !== undefined,
    );
    for (const [key, operations] of Map.groupBy(current, (operation) => operation.key)) {
      const left = explain(operations);
      if (left === null) continue;
      const known = left.filter(({ outcome }) => outcome === 'committed').slice(0, 3);
      throw new Violation(
        `what clients saw of ${key} has no explanation, one does not fit: ${known.map(show).join('; ')}`,
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
    const written = JSON.parse(byteStringToUtf8(value)) as string;
    // Every value is written by one request, which may be repeated on its way and must not be carried out twice.
    const twice = versions.find((version) => version.value === written);
    if (twice !== undefined)
      throw new Violation(`${twice.seqno} and ${seqno} both wrote ${written} to ${key}`);
    versions.push({ seqno, value: written });
    this.#versions.set(key, versions);
  }
}

function show({ client, action, invoked, returned, seen, txId }: Operation): string {
  const what = Object.values(action).join(' ');
  return `client ${client} from ${invoked} to ${returned}: ${what}, saw ${seen}, ${txId && formatTxId(txId)}`;
}

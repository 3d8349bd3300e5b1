import { hash } from 'node:crypto';
import { Store, type WriteSet } from '@coco/kv';
import { decodeEntry } from '@coco/ledger';
import { Violation } from '../../world/report.ts';
import type { Daemon } from '../daemon.ts';
import type { Observer } from './observer.ts';

/** Nodes that fall further behind are not compared with the state they should hold. */
const STATES_KEPT = 200;

/** A committed transaction, decrypted. */
export interface Committed {
  readonly seqno: number;
  readonly view: number;
  readonly digest: string;
  readonly writeSet: WriteSet;
}

/** What one process holds: digests of its entries by seqno. */
interface Log {
  readonly digests: string[];
  committed: number;
}

/**
 * What is committed anywhere is the same everywhere, is never taken back, and outlives every process. It is also the
 * truth that other checkers compare with: each transaction, and the state after all of them.
 */
export class CommittedLedger implements Observer {
  /** By seqno; nothing at 0. */
  readonly transactions: Committed[] = [];
  /** The state after the last of them. */
  readonly store = new Store();
  readonly #logs = new Map<Daemon, Log>();
  /** Appended somewhere and committed nowhere yet, by digest. */
  readonly #appended = new Map<string, Committed>();
  readonly #listeners: ((transaction: Committed) => void)[] = [];

  /** Seqno of the last transaction committed anywhere. */
  get last(): number {
    return Math.max(0, this.transactions.length - 1);
  }

  /** Tells of every transaction, once, as soon as it is committed anywhere. */
  onTransaction(listener: (transaction: Committed) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * What a recovery has read is its own. It looks at nothing that a snapshot stands for: what a fault made of that on the disk
   * is noticed when it is asked for.
   */
  onReading(daemon: Daemon, from: number, to: number): void {
    if (daemon.launch.config.command.type !== 'Recover') return;
    const { digests } = this.#logOf(daemon);
    const { disk } = daemon.machine;
    for (let seqno = from; seqno <= Math.min(to, disk.last); seqno++) {
      const entry = disk.at(seqno);
      if (entry === undefined) break;
      digests[seqno] ??= digestOf(entry);
    }
  }

  onAppended(daemon: Daemon, from: number, entries: readonly Uint8Array[]): void {
    const { digests } = this.#logOf(daemon);
    entries.forEach((entry, i) => {
      const seqno = from + i;
      if (digests[seqno] !== undefined) {
        throw new Violation(`${daemon.machine.name} appended entry ${seqno} over another`);
      }
      const digest = digestOf(entry);
      digests[seqno] = digest;
      if (seqno <= this.last || this.#appended.has(digest)) return;
      // Now, while the secrets are at hand: it may be committed by a process that cannot read it yet.
      const { view, writeSet } = decodeEntry(entry, daemon.node.replica?.secrets);
      this.#appended.set(digest, { seqno, view, digest, writeSet });
    });
  }

  onTruncated(daemon: Daemon, seqno: number): void {
    const log = this.#logOf(daemon);
    if (seqno < log.committed) {
      throw new Violation(`${daemon.machine.name} truncated to ${seqno} below its commit ${log.committed}`);
    }
    log.digests.length = Math.min(log.digests.length, seqno + 1);
  }

  onCommitted(daemon: Daemon, seqno: number): void {
    const log = this.#logOf(daemon);
    if (seqno < log.committed) {
      throw new Violation(`${daemon.machine.name} took commit back from ${log.committed} to ${seqno}`);
    }
    for (let at = log.committed + 1; at <= seqno; at++) {
      const digest = log.digests[at];
      if (digest === undefined) continue;
      if (at > this.last) this.#learn(at, digest);
      if (digest !== this.transactions[at]?.digest) {
        throw new Violation(`${daemon.machine.name} committed another entry ${at} than was committed before`);
      }
    }
    log.committed = seqno;
  }

  onEnded(daemon: Daemon): void {
    this.#logs.delete(daemon);
  }

  /** Takes up what nobody had committed before. */
  #learn(seqno: number, digest: string): void {
    const transaction = this.#appended.get(digest);
    if (transaction === undefined || seqno !== this.last + 1) {
      throw new Violation(`entry ${seqno} is committed, but nobody appended it`);
    }
    this.#appended.delete(digest);
    this.transactions[seqno] = transaction;
    this.store.apply(seqno, transaction.writeSet);
    this.store.retain();
    this.store.compact(Math.max(0, seqno - STATES_KEPT));
    for (const listener of this.#listeners) listener(transaction);
  }

  #logOf(daemon: Daemon): Log {
    const known = this.#logs.get(daemon);
    if (known !== undefined) return known;
    const log: Log = { digests: [], committed: 0 };
    this.#logs.set(daemon, log);
    return log;
  }
}

function digestOf(entry: Uint8Array): string {
  return hash('sha256', entry, 'base64url');
}

import { snapshotEvidence as latestEvidence } from '@coco/governance';
import {
  type LeafComponents,
  type Receipt,
  type SealedSnapshot,
  snapshotEvidence,
  snapshotName,
  snapshotSteps,
  type TxId,
  ViewHistory,
} from '@coco/ledger';
import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Replica } from './replica.ts';
import type { ReceiptMaker } from './waiting.ts';

/** A snapshot whose digest is in the ledger and not yet committed. */
interface Pending {
  readonly name: string;
  readonly seqno: number;
  readonly leaf: LeafComponents;
  receipt?: Receipt;
}

/** What there is since the latest snapshot, and how large the last one was that this node took. */
export interface SnapshotState {
  readonly transactions: number;
  readonly ledgerBytes: number;
  readonly snapshotBytes: number;
}

/**
 * Whether it is time for another snapshot. A large one waits until the ledger has grown by twice as much: who begins with it
 * then reads no more than that again, and a node does not spend its time on copies of what has hardly changed.
 */
export function snapshotIsDue(state: SnapshotState, txCount: number): boolean {
  const { transactions, ledgerBytes, snapshotBytes } = state;
  const { snapshotBytesFree, snapshotGrowth } = limits;
  return transactions >= txCount && ledgerBytes >= snapshotGrowth * (snapshotBytes - snapshotBytesFree);
}

/**
 * Takes snapshots in the background: the state at a signature is laid out a slice a step, its digest goes into the ledger
 * as evidence, and the file counts once the evidence is committed and its receipt stands behind it.
 */
export class Snapshots {
  readonly #replica: Replica;
  readonly #outbox: Outbox;
  readonly #txCount: number;
  #wanted = false;
  #latest: number;
  #ledgerBytesAtLatest: number;
  #snapshotBytes = 0;
  #making: { readonly at: number; readonly steps: Iterator<unknown, SealedSnapshot> } | undefined;
  readonly #pending: Pending[] = [];

  constructor(replica: Replica, outbox: Outbox, txCount: number) {
    this.#replica = replica;
    this.#outbox = outbox;
    this.#txCount = txCount;
    this.#latest = replica.store.version;
    this.#ledgerBytesAtLatest = replica.ledgerBytes;
    const { store } = replica;
    store.onWrite(latestEvidence.name, () => {
      const evidence = latestEvidence.get(store.begin());
      if (evidence) this.#taken(evidence.version);
    });
  }

  /** Takes one at the next signature, however few transactions there were. */
  want(): void {
    this.#wanted = true;
  }

  /** Whether the signature at `seqno` is one to take a snapshot at; a chunk ends there then. */
  isDue(seqno: number): boolean {
    if (this.#making || this.#pending.length >= limits.snapshotsPendingMax) return false;
    const state = {
      transactions: seqno - this.#latest,
      ledgerBytes: this.#replica.ledgerBytes - this.#ledgerBytesAtLatest,
      snapshotBytes: this.#snapshotBytes,
    };
    return this.#wanted || snapshotIsDue(state, this.#txCount);
  }

  /** Begins one at a signature that was just appended. */
  begin(signature: TxId, leaf: string): void {
    const { store, secrets } = this.#replica;
    this.#wanted = false;
    // Whatever came into the state since the last one is in the ledger.
    const expectedBytes = this.#snapshotBytes + this.#replica.ledgerBytes - this.#ledgerBytesAtLatest;
    this.#begunAt(signature.seqno);
    const views = new ViewHistory();
    for (const { view, seqno } of this.#replica.raft.viewHistory()) views.begin(view, seqno);
    views.begin(signature.view, signature.seqno);
    const content = {
      txId: signature,
      leaf,
      viewHistory: views.toArray(),
      state: store.at(signature.seqno),
      expectedBytes,
    };
    this.#making = {
      at: signature.seqno,
      steps: snapshotSteps(content, secrets, limits.snapshotBytesPerStep),
    };
  }

  /** Does a slice of the work; the last one puts the evidence into the ledger. */
  step(): void {
    const making = this.#making;
    if (!making || !this.#replica.isPrimary) return;
    const result = making.steps.next();
    if (!result.done) return;
    this.#making = undefined;
    this.#record(making.at, result.value);
  }

  #record(at: number, snapshot: SealedSnapshot): void {
    this.#snapshotBytes = snapshot.bytes.length;
    const { writeSet, claimsDigest } = snapshotEvidence(snapshot, at);
    const tx = this.#replica.store.begin();
    for (const [map, writes] of writeSet) {
      for (const [key, value] of writes) if (value !== null) tx.set(map, key, value);
    }
    const outcome = this.#replica.commit(tx, { claimsDigest });
    if (outcome.kind !== 'committed') throw new Error('snapshot evidence could not be committed');
    const { seqno } = outcome.txId;
    const name = snapshotName({ seqno: at, evidenceSeqno: seqno, committed: false });
    const { writeSetDigest, commitEvidence } = outcome.entry();
    this.#pending.push({ name, seqno, leaf: { writeSetDigest, commitEvidence, claimsDigest } });
    this.#outbox.push({ kind: 'write-snapshot', name, bytes: snapshot.bytes });
    this.#outbox.log('info', `Snapshot of ${at} taken: ${snapshot.bytes.length} bytes.`);
  }

  /** Whether a receipt of evidence is to be made at the next signature. */
  get wantsReceipts(): boolean {
    return this.#pending.some((pending) => pending.receipt === undefined);
  }

  /** A signature covers every entry before `seqno`. */
  signed(seqno: number, make: ReceiptMaker): void {
    for (const pending of this.#pending) {
      if (pending.receipt === undefined && pending.seqno < seqno)
        pending.receipt = make(pending.seqno, pending.leaf);
    }
  }

  /** Everything up to `seqno` is committed. */
  committed(seqno: number): void {
    for (let next = this.#pending[0]; next?.receipt && next.seqno <= seqno; next = this.#pending[0]) {
      const receipt = new TextEncoder().encode(JSON.stringify(next.receipt));
      this.#outbox.push({ kind: 'commit-snapshot', name: next.name, receipt });
      this.#pending.shift();
    }
  }

  /** Evidence is the primary's to record: what a former one had begun is left to its successor. */
  roleChanged(): void {
    if (!this.#replica.isPrimary) this.#making = undefined;
  }

  /** This primary or another one took a snapshot at `seqno`. */
  #taken(seqno: number): void {
    if (seqno > this.#latest) this.#begunAt(seqno);
  }

  #begunAt(seqno: number): void {
    this.#latest = seqno;
    this.#ledgerBytesAtLatest = this.#replica.ledgerBytes;
  }

  /** Everything after `seqno` was rolled back. */
  rolledBack(seqno: number): void {
    if (this.#making && this.#making.at > seqno) this.#making = undefined;
    while ((this.#pending.at(-1)?.seqno ?? 0) > seqno) this.#pending.pop();
    this.#latest = Math.min(this.#latest, seqno);
  }
}

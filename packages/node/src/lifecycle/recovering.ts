import { formatTxId, parseSnapshotName } from '@coco/ledger';
import type { NodeParts } from '../parts.ts';
import { type FoundSnapshot, readNewest } from '../snapshot-search.ts';
import { PublicRecovery, type RecoveredLedger } from './recover.ts';

/** How reading a lost service's files ends. */
export interface RecoveringListener {
  recovered(ledger: RecoveredLedger): void;
  failed(reason: string): void;
}

/**
 * Reads the public part of a lost service from the files of one of its nodes: from the first entry on, or, where the node had
 * joined and they begin later, from its newest snapshot that verifies. Says so when a snapshot proves that the service got
 * further than the files.
 */
export class Recovering {
  readonly #parts: NodeParts;
  readonly #servicePem: string;
  readonly #listener: RecoveringListener;
  #reader: PublicRecovery;
  #triesSnapshot = true;

  /** `servicePem` is the certificate of the lost service. */
  constructor(parts: NodeParts, servicePem: string, listener: RecoveringListener) {
    this.#parts = parts;
    this.#servicePem = servicePem;
    this.#listener = listener;
    this.#reader = new PublicRecovery(parts.outbox);
  }

  start(): void {
    this.#reader.start();
  }

  entriesRead(from: number, entries: readonly Uint8Array[]): void {
    const reader = this.#reader;
    if (!reader.entriesRead(from, entries)) return;
    if (reader.next === 1 && this.#triesSnapshot) this.#findSnapshot((found) => this.#readAfter(found));
    else this.#compare(reader.finish(this.#servicePem));
  }

  #findSnapshot(done: (found: FoundSnapshot | null) => void): void {
    this.#triesSnapshot = false;
    readNewest(this.#parts, { servicePem: this.#servicePem }, done);
  }

  #readAfter(found: FoundSnapshot | null): void {
    if (!found) {
      this.#listener.failed('there is no ledger here, and no snapshot of the lost service that verifies');
      return;
    }
    this.#parts.outbox.log('info', `The ledger files begin after snapshot ${found.name}.`);
    this.#reader = new PublicRecovery(this.#parts.outbox, found);
    this.#reader.start();
  }

  /** A snapshot's receipt is a promise that the ledger got as far as its evidence. */
  #compare(ledger: RecoveredLedger): void {
    const { world, outbox } = this.#parts;
    const choice = { newestBefore: Number.MAX_SAFE_INTEGER };
    world.readSnapshot(choice, { from: 0, to: 0 }, ({ name }) => {
      const evidence = name === null ? 0 : (parseSnapshotName(name)?.evidenceSeqno ?? 0);
      if (evidence <= ledger.lastSigned) this.#listener.recovered(ledger);
      else
        readNewest(this.#parts, { servicePem: this.#servicePem }, (found) => {
          const proven = found?.loaded.evidence.txId;
          if (proven && proven.seqno > ledger.lastSigned) {
            const lost = `The ledger files are old: they end at ${ledger.lastSigned}, but snapshot ${found.name} proves that the service had committed ${formatTxId(proven)}. Whatever is between is lost unless another node's files have it.`;
            outbox.log('fail', lost);
          }
          this.#listener.recovered(ledger);
        });
    });
  }
}

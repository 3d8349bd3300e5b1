import { sha256ByteString } from '@coco/crypto';
import { formatTxId, type Receipt, type TxId, verifyReceipt } from '@coco/ledger';
import { Violation } from '../../world/report.ts';
import type { CommittedLedger } from './committed-ledger.ts';

interface Kept {
  readonly receipt: Receipt;
  readonly txId: TxId;
  readonly serviceCertificate: string;
  /** What the contract claimed in the transaction. */
  readonly claim: string;
}

/** Every receipt ever given verifies, then and for ever, and is of a transaction that is committed. */
export class Receipts {
  readonly #ledger: CommittedLedger;
  readonly #kept: Kept[] = [];

  constructor(ledger: CommittedLedger) {
    this.#ledger = ledger;
  }

  get count(): number {
    return this.#kept.length;
  }

  /** A client was given a receipt by a service that showed this certificate. */
  take(kept: Kept): void {
    this.#check(kept);
    this.#kept.push(kept);
  }

  /** Looks at all of them again. */
  expectValid(): void {
    for (const kept of this.#kept) this.#check(kept);
  }

  #check({ receipt, txId, serviceCertificate, claim }: Kept): void {
    const name = formatTxId(txId);
    try {
      verifyReceipt(receipt, serviceCertificate, { txId, claimsDigest: sha256ByteString(claim) });
    } catch (error) {
      throw new Violation(`the receipt of ${name} does not verify: ${(error as Error).message}`);
    }
    if (this.#ledger.transactions[txId.seqno]?.view !== txId.view) {
      throw new Violation(`there is a receipt of ${name}, which is not committed`);
    }
  }
}

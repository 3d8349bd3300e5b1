import type { Change, HistoricalState } from '@coco/contracts';
import {
  type Certificate,
  generateKeyPair,
  issueCertificate,
  type PrivateKey,
  sha256,
  signEcdsa,
} from '@coco/crypto';
import { type ByteString, byteStringToBytes, type WriteSet } from '@coco/kv';
import {
  buildReceipt,
  encodeEntry,
  formatTxId,
  History,
  LedgerSecrets,
  noClaims,
  type Receipt,
  type SealedEntry,
  type TxId,
} from '@coco/ledger';

interface Written {
  readonly entry: SealedEntry;
  readonly writeSet: WriteSet;
}

const validMs = 10 * 365 * 24 * 3600 * 1000;

/**
 * What became of each transaction of one test. Entries are sealed and hashed as a node does; roots are signed
 * when a receipt is asked for, so that a test without receipts pays nothing for them.
 */
export class TestLedger {
  readonly view = 2;
  /** Everything up to here counts as committed. */
  committed = 0;

  readonly #secrets = new LedgerSecrets();
  readonly #history = new History();
  readonly #written: Written[] = [];
  #identity: Identity | undefined;

  constructor() {
    this.#secrets.add(0, new Uint8Array(32).fill(7));
  }

  get seqno(): number {
    return this.#written.length;
  }

  /** Where the next transaction will be. */
  get next(): TxId {
    return { view: this.view, seqno: this.seqno + 1 };
  }

  /** The certificate against which receipts verify, PEM. */
  get serviceCertificate(): string {
    return this.#signer().service.pem;
  }

  append(writeSet: WriteSet, claimsDigest: ByteString | undefined): TxId {
    const txId = { view: this.view, seqno: this.seqno + 1 };
    const entry = encodeEntry({ ...txId, writeSet, claimsDigest: claimsDigest ?? noClaims }, this.#secrets);
    this.#history.append(entry.leaf);
    this.#written.push({ entry, writeSet });
    return txId;
  }

  statusOf({ view, seqno }: TxId): 'Unknown' | 'Pending' | 'Committed' | 'Invalid' {
    if (seqno > this.seqno) return view < this.view ? 'Invalid' : 'Unknown';
    if (view !== this.view) return 'Invalid';
    return seqno <= this.committed ? 'Committed' : 'Pending';
  }

  /** A transaction with the proof of it. The seqno must have been written. */
  stateAt(seqno: number): HistoricalState {
    const { writeSet } = this.#written[seqno - 1] as Written;
    return {
      transactionId: formatTxId({ view: this.view, seqno }),
      receipt: this.receiptOf(seqno),
      writeSet,
    };
  }

  /** What a transaction wrote. The seqno must have been written. */
  writeSetAt(seqno: number): WriteSet {
    return (this.#written[seqno - 1] as Written).writeSet;
  }

  /** What a key held before a transaction; null for nothing. */
  valueBefore(seqno: number, map: string, key: ByteString): ByteString | null {
    const earlier = this.#written.slice(0, seqno - 1).findLast(({ writeSet }) => writeSet.get(map)?.has(key));
    return earlier?.writeSet.get(map)?.get(key) ?? null;
  }

  /** What committed transactions after a seqno wrote to a map, in order. */
  changesOf(map: string, after: number): readonly Change[] {
    return this.#written.slice(after, this.committed).flatMap(({ writeSet }, at) => {
      const writes = writeSet.get(map) ?? [];
      return Array.from(writes, ([key, value]) => ({ key, value, seqno: after + at + 1 }));
    });
  }

  receiptOf(seqno: number): Receipt {
    const { entry } = this.#written[seqno - 1] as Written;
    const { node, nodeKey } = this.#signer();
    const preimage = byteStringToBytes(this.#history.rootPreimage());
    const signature = {
      view: this.view,
      seqno: this.seqno,
      signature: signEcdsa(nodeKey, preimage, { hash: 'SHA-256', format: 'der' }),
      nodeId: node.publicKey.id,
      nodeCert: node.pem,
      root: this.#history.root(),
      commit: { view: this.view, seqno: this.committed },
    };
    return buildReceipt(signature, entry, this.#history.proof(seqno));
  }

  #signer(): Identity {
    this.#identity ??= makeIdentity();
    return this.#identity;
  }
}

interface Identity {
  readonly service: Certificate;
  readonly node: Certificate;
  readonly nodeKey: PrivateKey;
}

/** Made once a process: keys take longer than all the rest of a test. */
function makeIdentity(): Identity {
  const serviceKey = generateKeyPair('P-256');
  const nodeKey = generateKeyPair('P-256');
  const dates = { notBefore: 0, notAfter: validMs * 10 };
  const service = issueCertificate({
    subject: 'CN=CCF Service',
    publicKey: serviceKey.publicKey,
    issuerKey: serviceKey,
    issuerCert: 'self',
    isCa: true,
    serial: sha256('service').subarray(0, 16),
    ...dates,
  });
  const node = issueCertificate({
    subject: 'CN=CCF Node',
    publicKey: nodeKey.publicKey,
    issuerKey: serviceKey,
    issuerCert: service,
    serial: sha256('node').subarray(0, 16),
    ...dates,
  });
  return { service, node, nodeKey };
}

import type { ByteString, WriteSet } from '@coco/kv';
import {
  buildReceipt,
  buildSignature,
  parseRootSignature,
  type StandingRoot,
  singletonKey,
  tables,
} from '@coco/ledger';
import type { NodeConfig } from './config.ts';
import type { NodeIdentity, ServiceIdentity } from './identity.ts';
import type { Replica } from './replica.ts';
import { signatureIsDue } from './signing.ts';
import type { Snapshots } from './snapshots.ts';
import type { ReceiptMaker, Waiting } from './waiting.ts';

/** What a signer works with. */
export interface SignerParts {
  readonly config: NodeConfig;
  readonly replica: Replica;
  readonly identity: NodeIdentity;
  readonly cose: { readonly issuer: string; readonly subject: string };
  readonly waiting: Waiting;
  readonly snapshots: Snapshots;
  readonly service: () => ServiceIdentity;
  /** PEM of the certificate by which the service vouches for this node. */
  readonly endorsedPem: () => string;
  /** Wall clock, ms. */
  readonly now: () => number;
  /** Whether what was written waits for a beat; see `Cover`. */
  readonly isHeld: () => boolean;
  /** Whether the state is whole: without its private maps a snapshot would not be the state. */
  readonly isWhole: () => boolean;
  /** All transactions that were ever undone; undefined while there is none. */
  readonly standing: () => StandingRoot | undefined;
}

/** Signs the ledger's root when that is due, and hands receipts to whoever waits for one. */
export class Signer {
  readonly #parts: SignerParts;
  #isWanted = false;
  #lastSignedAt = 0;
  /** The next place in the ledger when the clock last ticked, and whether it was the same the time before. */
  #nextAtTick = 0;
  #rested = false;

  constructor(parts: SignerParts) {
    this.#parts = parts;
  }

  /** Consensus wants a signature, whether or not there is anything new to sign. */
  want(): void {
    this.#isWanted = true;
  }

  /** The clock has ticked: what was not written between two ticks is a pause. */
  tick(): void {
    const { nextSeqno } = this.#parts.replica;
    this.#rested = nextSeqno === this.#nextAtTick;
    this.#nextAtTick = nextSeqno;
  }

  /** Signs if this node is the primary and a signature is due. */
  step(): void {
    const { replica, waiting, config, now, isHeld } = this.#parts;
    if (!replica.leads || (!this.#isWanted && isHeld())) return;
    const state = {
      unsigned: replica.unsigned,
      inFlight: replica.signatureInFlight,
      sinceLastMs: now() - this.#lastSignedAt,
      awaited: waiting.size > 0,
      rests: this.#rested && replica.nextSeqno === this.#nextAtTick,
    };
    const { tx_count: txCount, delay: delayMs } = config.ledger_signatures;
    if (this.#isWanted || signatureIsDue(state, { txCount, delayMs })) this.#sign();
  }

  /** Appends a signature over everything so far. */
  #sign(): void {
    const { replica, identity, waiting, snapshots, cose, now } = this.#parts;
    const seqno = replica.nextSeqno;
    this.#isWanted = false;
    this.#lastSignedAt = now();
    if (seqno <= 1) return;
    const writeSet = buildSignature({
      view: replica.raft.view,
      seqno,
      history: replica.history,
      nodeKey: identity.key,
      nodeId: identity.id,
      nodeCert: this.#parts.endorsedPem(),
      serviceKey: this.#parts.service().key,
      cose,
      nowSeconds: Math.floor(now() / 1000),
      commit: replica.committed ?? { view: 0, seqno: 0 },
      standing: this.#parts.standing(),
      treeFrom: Math.max(replica.history.flushed, replica.lastSigned),
    });
    if (waiting.wantsReceipts || snapshots.wantsReceipts) this.#giveReceipts(seqno, writeSet);
    const takesSnapshot = this.#parts.isWhole() && snapshots.isDue(seqno);
    if (takesSnapshot) replica.forceChunk();
    const { txId, leaf } = replica.appendSignature(writeSet);
    if (takesSnapshot) snapshots.begin(txId, leaf);
  }

  #giveReceipts(seqno: number, writeSet: WriteSet): void {
    const { replica, waiting, snapshots, endorsedPem } = this.#parts;
    const value = writeSet.get(tables.signatures)?.get(singletonKey) as ByteString;
    const signature = { ...parseRootSignature(value), nodeCert: endorsedPem() };
    const make: ReceiptMaker = (of, leaf) => buildReceipt(signature, leaf, replica.history.proof(of));
    waiting.signed(seqno, make);
    snapshots.signed(seqno, make);
  }
}

import { type AesKey, aesGcmSeal, importAesKey, toHex } from '@coco/crypto';
import type { TxId } from './tx-id.ts';

const noncesPerBlock = 64;
const nonceDigits = 64;
const zeros = new Uint8Array((noncesPerBlock * nonceDigits) / 2);
const nothing = new Uint8Array(0);

/**
 * The nonces of commit evidence under one commit secret: unguessable without it, and found again with it.
 * Nonce `seqno` of a view is a part of the AES-256-GCM keystream whose initialisation vector names the view
 * and the block of 64 seqnos. CCF takes HMAC(commit secret, transaction ID) instead; no reader can tell, for
 * nobody but the writer ever computes a nonce, and two hashes for each entry would be a sixth of its whole
 * cost.
 */
export class CommitNonces {
  readonly #key: AesKey;
  readonly #iv = new Uint8Array(12);
  readonly #ivView = new DataView(this.#iv.buffer);
  #view = 0;
  #block = -1;
  #digits = '';

  constructor(commitSecret: Uint8Array) {
    this.#key = importAesKey(commitSecret);
  }

  /** The nonce of a transaction as 64 hexadecimal digits. Consecutive ones come from the same block. */
  digitsOf({ view, seqno }: TxId): string {
    const place = seqno % noncesPerBlock;
    const block = (seqno - place) / noncesPerBlock;
    if (block !== this.#block || view !== this.#view) this.#load(view, block);
    return this.#digits.slice(place * nonceDigits, (place + 1) * nonceDigits);
  }

  #load(view: number, block: number): void {
    this.#ivView.setUint32(0, view);
    this.#ivView.setBigUint64(4, BigInt(block));
    // Sealing zeros gives the keystream itself.
    this.#digits = toHex(aesGcmSeal(this.#key, this.#iv, zeros, nothing).ciphertext);
    this.#view = view;
    this.#block = block;
  }
}

import { formatTxId, parseTxId, type TxId } from '@coco/ledger';
import { ClientError } from './errors.ts';

/** The highest committed transaction that a client has seen, and its leaf when it held the receipt. */
export interface Remembered {
  readonly transactionId: string;
  /** Hexadecimal digest of the ledger leaf, as the receipt proved it. */
  readonly leaf?: string;
}

/** Where the memory is kept between sessions: a file, local storage. One per service identity. */
export interface MemoryStore {
  load(): Remembered | undefined;
  save(remembered: Remembered): void;
}

/**
 * Remembers how far a service had come. A service never goes back on what it committed; one that does was
 * restored from an old copy or has forked, and whoever deals with it on must know.
 */
export class Memory {
  #highest: { readonly txId: TxId; readonly leaf: string | undefined } | undefined;
  readonly #store: MemoryStore | undefined;

  constructor(store?: MemoryStore) {
    this.#store = store;
    const remembered = store?.load();
    if (remembered !== undefined) {
      this.#highest = { txId: parseTxId(remembered.transactionId), leaf: remembered.leaf };
    }
  }

  /** The highest committed transaction seen so far. */
  get highest(): { readonly txId: TxId; readonly leaf: string | undefined } | undefined {
    return this.#highest;
  }

  /** Takes note of a committed transaction; throws `WentBack` when it contradicts an earlier one. */
  committed(txId: TxId, leaf?: string): void {
    const highest = this.#highest;
    if (highest !== undefined) {
      contradiction(highest.txId, highest.leaf, txId, leaf);
      if (txId.seqno < highest.txId.seqno) return;
      if (txId.seqno === highest.txId.seqno && leaf === undefined) return;
    }
    this.#highest = { txId, leaf };
    this.#store?.save({ transactionId: formatTxId(txId), ...(leaf === undefined ? {} : { leaf }) });
  }

  /** Takes note of what a node said about a transaction; throws `WentBack` when it denies a committed one. */
  invalid(txId: TxId): void {
    const highest = this.#highest?.txId;
    if (highest !== undefined && highest.view === txId.view && highest.seqno >= txId.seqno) {
      wentBack(`${formatTxId(txId)} is called invalid, but ${formatTxId(highest)} was committed`);
    }
  }
}

/** Along the ledger views only rise, and one seqno has one transaction. */
function contradiction(
  known: TxId,
  knownLeaf: string | undefined,
  told: TxId,
  toldLeaf: string | undefined,
): void {
  const sides = `${formatTxId(told)} is called committed, but ${formatTxId(known)} was`;
  if (told.seqno === known.seqno && told.view !== known.view) wentBack(sides);
  if (told.seqno > known.seqno && told.view < known.view) wentBack(sides);
  if (told.seqno < known.seqno && told.view > known.view) wentBack(sides);
  if (told.seqno !== known.seqno || knownLeaf === undefined || toldLeaf === undefined) return;
  if (knownLeaf !== toldLeaf) wentBack(`${formatTxId(told)} has another content than it had`);
}

function wentBack(reason: string): never {
  throw new ClientError(
    'WentBack',
    `the service went back on what it had committed: ${reason}. Do not go on with it: ` +
      'keep your receipts and ask its members',
  );
}

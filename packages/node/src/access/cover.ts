import { paddedSize, tables } from '@coco/access';
import { recordReads } from '@coco/governance';
import type { Tx } from '@coco/kv';
import { entryLength } from '@coco/ledger';
import type { NodeView } from '../endpoints/context.ts';
import type { Random } from '../identity.ts';
import { limits } from '../limits.ts';

/** What cover traffic rests on. */
export type CoverGrounds = Pick<NodeView, 'replica' | 'access' | 'now' | 'serviceStatus'>;

/** Bytes of a cover entry while no private one was seen that it could be like. */
const entryBytesDefault = paddedSize(1_500);

/**
 * Commits at fixed beats, where members ask for it: what is written between two beats leaves the primary with the second
 * one, in a number of entries that is a power of two and never none. Private ones are padded, and those that are there for the
 * number alone have the length of a private one of late. So disks, channels and ledger files show the same whether anybody dealt or nobody did.
 */
export class Cover {
  readonly #node: CoverGrounds;
  readonly #random: Random;
  readonly #sign: () => void;
  /** Lengths of private entries, padded, the latest last. */
  readonly #lengths: number[] = [];
  #last: number | undefined;

  /** `sign` says that a signature is wanted now. */
  constructor(node: CoverGrounds, random: Random, sign: () => void) {
    this.#node = node;
    this.#random = random;
    this.#sign = sign;
  }

  /** Which beat it is; undefined when members ask for none. */
  get beat(): number | undefined {
    const { access, now } = this.#node;
    return access.coverMs === undefined ? undefined : Math.floor(now / access.coverMs);
  }

  /** Whether what this node writes waits for a beat. */
  get holds(): boolean {
    const { replica, serviceStatus } = this.#node;
    return this.beat !== undefined && replica.isPrimary && serviceStatus === 'Open';
  }

  /** Pads a private transaction that is about to be committed: others may pass for it. */
  pad(tx: Tx): void {
    if (!this.holds) return;
    const length = paddedSize(lengthWith(tx));
    this.#fill(tx, length);
    this.#lengths.push(length);
    if (this.#lengths.length > limits.coverLengthsMax) this.#lengths.shift();
  }

  /** With a new beat, fills up what has gathered and has it signed. */
  step(): void {
    const { beat } = this;
    if (beat === this.#last || !this.holds) return;
    this.#last = beat;
    const { replica } = this.#node;
    const gathered = Math.max(1, replica.unsigned);
    const full = 2 ** Math.ceil(Math.log2(gathered));
    while (replica.unsigned < full) this.#write();
    this.#sign();
  }

  #write(): void {
    const { replica } = this.#node;
    const [draw = 0] = this.#random(1);
    const tx = replica.store.begin();
    tx.set(tables.cover, '', '');
    // It is known to depend on nothing.
    recordReads(tx);
    this.#fill(tx, this.#lengths[draw % Math.max(1, this.#lengths.length)] ?? entryBytesDefault);
    const outcome = replica.commit(tx);
    if (outcome.kind !== 'committed') throw new Error(`a cover transaction was ${outcome.kind}`);
  }

  #fill(tx: Tx, length: number): void {
    tx.set(tables.cover, '', '\0'.repeat(Math.max(0, length - lengthWith(tx))));
  }
}

/** Bytes of a transaction's entry with nothing filled in. */
function lengthWith(tx: Tx): number {
  tx.set(tables.cover, '', '');
  return entryLength(tx.writeSet());
}

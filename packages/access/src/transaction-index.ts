import type { MapWrites, Store } from '@coco/kv';
import type { Segment } from './audience.ts';
import { readU64 } from './numbers.ts';
import { segmentsIn } from './record.ts';
import { tables } from './tables.ts';

/** The way in which transactions are looked through. */
export type Order = 'newest' | 'oldest';

/** Which transactions are looked at: between two seqnos, both excluded. */
export interface Stretch {
  readonly after: number;
  readonly before: number;
}

/**
 * Which private transactions have a part in each segment: what lists are read from. It follows from the records, so
 * nothing is written for it; made of them at the start, it follows the store by itself.
 */
export class TransactionIndex {
  readonly #store: Store;
  /** Ascending: records lie under the version that wrote them. */
  #seqnosOf = new Map<Segment, number[]>();

  constructor(store: Store) {
    this.#store = store;
    store.onWrite(tables.transactions, (_version, writes) => this.#take(writes));
    store.onRollback((to) => this.#rollBack(to));
    store.onAdopt(() => this.#load());
    this.#load();
  }

  /** Seqnos of the transactions of a segment. */
  *within(segment: Segment, order: Order, { after, before }: Stretch): Generator<number> {
    const seqnos = this.#seqnosOf.get(segment) ?? [];
    const [from, to] = [countBelow(seqnos, after + 1), countBelow(seqnos, before)];
    if (order === 'oldest') for (let at = from; at < to; at++) yield seqnos[at] as number;
    else for (let at = to - 1; at >= from; at--) yield seqnos[at] as number;
  }

  #load(): void {
    this.#seqnosOf = new Map();
    const state = this.#store.begin();
    for (const { key, value } of state.range(tables.transactions)) this.#add(readU64(key, 0), value);
    state.discard();
  }

  #take(writes: MapWrites): void {
    for (const [key, value] of writes) if (value !== null) this.#add(readU64(key, 0), value);
  }

  #add(seqno: number, record: string): void {
    for (const segment of segmentsIn(record)) {
      const seqnos = this.#seqnosOf.get(segment);
      if (seqnos) seqnos.push(seqno);
      else this.#seqnosOf.set(segment, [seqno]);
    }
  }

  #rollBack(to: number): void {
    for (const seqnos of this.#seqnosOf.values()) while ((seqnos.at(-1) ?? 0) > to) seqnos.pop();
  }
}

/** How many of an ascending list are below a bound. */
function countBelow(seqnos: readonly number[], bound: number): number {
  let low = 0;
  let high = seqnos.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((seqnos[middle] as number) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

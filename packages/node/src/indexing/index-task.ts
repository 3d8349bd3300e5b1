import type { ContractIndex, IndexProgress } from '@coco/contracts';
import type { MapWrites, Version } from '@coco/kv';
import { limits } from '../limits.ts';
import type { Builder, IndexSource } from './builder.ts';
import { WriteQueue } from './write-queue.ts';

/** An index at its beginning. */
export interface Blank {
  readonly index: ContractIndex;
  readonly builder: Builder;
}

/** Builds one index from what is there, and keeps it up with what is committed. */
export class IndexTask {
  /** What the index follows from: another one makes another index. */
  readonly identity: string;
  readonly map: string;
  readonly #blank: () => Blank;
  readonly #queue = new WriteQueue();
  #index: ContractIndex;
  /** Until it has been built. */
  #builder: Builder | undefined;
  /** Writes after this version are seen; building begins at a commit that is no earlier. */
  #since: Version;
  #seqno: Version | null = null;
  #built: IndexProgress['built'] = { done: 0, of: 0 };
  #failure: string | undefined;

  constructor(identity: string, map: string, since: Version, blank: () => Blank) {
    this.identity = identity;
    this.map = map;
    this.#since = since;
    this.#blank = blank;
    const { index, builder } = blank();
    this.#index = index;
    this.#builder = builder;
  }

  get index(): ContractIndex {
    return this.#index;
  }

  get progress(): IndexProgress {
    const waits = this.#builder?.waits;
    return {
      seqno: this.#seqno,
      built: this.#built,
      ...(waits === undefined ? {} : { waits }),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }

  /** Something was written to the map, and is not yet committed. */
  written(version: Version, writes: MapWrites): void {
    if (this.#failure === undefined) this.#queue.add(version, writes);
  }

  rolledBack(to: Version): void {
    this.#queue.rollBack(to);
    this.#since = Math.min(this.#since, to);
  }

  /** Works on about so many rows. Answers how many it took. */
  step(source: IndexSource, rows: number): number {
    if (this.#failure !== undefined) return 0;
    if (this.#queue.rows > limits.indexQueueRowsMax) this.#restart(source);
    if (this.#index.size > limits.indexPlacesMax) this.#giveUp();
    if (source.committed < this.#since || source.committed === 0) return 0;
    return this.#builder ? this.#build(this.#builder, source, rows) : this.#follow(source, rows);
  }

  #build(builder: Builder, source: IndexSource, rows: number): number {
    const piece = builder.next(source, rows);
    if (piece === undefined) return 0;
    const { changes, done, of, at } = piece;
    this.#index.apply(changes);
    this.#built = { done, of };
    if (at !== undefined) {
      this.#builder = undefined;
      this.#built = null;
      this.#seqno = at;
      this.#queue.dropUpTo(at);
    }
    return changes.length;
  }

  #follow({ committed }: IndexSource, rows: number): number {
    if (this.#seqno === committed) return 0;
    const { changes, seqno } = this.#queue.take(committed, rows);
    this.#index.apply(changes);
    this.#seqno = seqno;
    return changes.length;
  }

  #giveUp(): void {
    this.#failure = `it would have more than ${limits.indexPlacesMax} places`;
    this.#index = this.#blank().index;
    this.#queue.dropUpTo(Number.MAX_SAFE_INTEGER);
  }

  /** More was written than can wait: it is built anew, from where things are now. */
  #restart({ latest }: IndexSource): void {
    const { index, builder } = this.#blank();
    this.#index = index;
    this.#builder = builder;
    this.#seqno = null;
    this.#built = { done: 0, of: 0 };
    this.#queue.dropUpTo(latest);
    this.#since = latest;
  }
}

import type { Change } from '@coco/contracts';
import type { Row, Snapshot, Version } from '@coco/kv';
import type { PastState } from '../historical.ts';
import { limits } from '../limits.ts';

/** What indexes are built from. */
export interface IndexSource {
  readonly now: number;
  /** The latest committed transaction: always a signature, so that the state at it is kept. */
  readonly committed: Version;
  /** The latest transaction, committed or not. */
  readonly latest: Version;
  stateAt(committed: Version): Snapshot;
  /** Verified past transactions; null while they are fetched, 'absent' when the files do not give them back. */
  past(handle: string, from: number, to: number): readonly PastState[] | null | 'absent';
}

/** A piece of what an index begins with. */
export interface Piece {
  readonly changes: readonly Change[];
  readonly done: number;
  readonly of: number;
  /** The commit at which the index then stands, when this was the last piece. */
  readonly at?: Version;
}

/** Brings an index to where it can follow what is committed. */
export interface Builder {
  /** Undefined while there is nothing to do. */
  next(source: IndexSource, rows: number): Piece | undefined;
  /** What it cannot go on without. */
  readonly waits: string | undefined;
}

/** Begins with the rows of a map as they are at a commit: no need to know how they came to be. */
export class RowsBuilder implements Builder {
  readonly waits = undefined;
  readonly #map: string;
  #rows: IterableIterator<Row> | undefined;
  #at = 0;
  #of = 0;
  #done = 0;

  constructor(map: string) {
    this.#map = map;
  }

  next(source: IndexSource, rows: number): Piece {
    if (this.#rows === undefined) {
      const state = source.stateAt(source.committed);
      this.#at = source.committed;
      this.#of = state.size(this.#map);
      this.#rows = state.range(this.#map);
    }
    const changes: Change[] = [];
    while (changes.length < rows) {
      const { done, value } = this.#rows.next();
      if (done) return { ...this.#piece(changes), at: this.#at };
      changes.push({ key: value.key, value: value.value, seqno: value.version });
    }
    return this.#piece(changes);
  }

  #piece(changes: readonly Change[]): Piece {
    this.#done += changes.length;
    return { changes, done: this.#done, of: this.#of };
  }
}

/** Begins with every transaction that wrote a map, read back from the ledger and verified. */
export class HistoryBuilder implements Builder {
  readonly #map: string;
  readonly #handle: string;
  #at: Version | undefined;
  #next = 1;
  #retryAt = 0;
  #isAbsent = false;

  constructor(name: string, map: string) {
    this.#map = map;
    this.#handle = `index ${name}`;
  }

  get waits(): string | undefined {
    return this.#isAbsent ? `its ledger files do not hold transaction ${this.#next}` : undefined;
  }

  next(source: IndexSource): Piece | undefined {
    this.#at ??= source.committed;
    const at = this.#at;
    if (source.now < this.#retryAt) return undefined;
    const to = Math.min(at, this.#next + limits.indexReadMax - 1);
    const states = source.past(this.#handle, this.#next, to);
    this.#isAbsent = states === 'absent' || (this.#isAbsent && states === null);
    if (states === 'absent') this.#retryAt = source.now + limits.indexRetryMs;
    if (states === null || states === 'absent') return undefined;
    const changes = states.flatMap(({ transactionId, writeSet }) => {
      const seqno = Number(transactionId.split('.')[1]);
      return Array.from(writeSet.get(this.#map) ?? [], ([key, value]) => ({ key, value, seqno }));
    });
    this.#next = to + 1;
    const piece = { changes, done: to, of: at };
    return to === at ? { ...piece, at } : piece;
  }
}

import type { WriteSet } from '@coco/kv';
import type { HistoricalQueries } from '../historical.ts';
import { limits } from '../limits.ts';

interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * What past transactions wrote, for undo: asked for one by one, read from the ledger in ranges, believed only
 * when signed (`HistoricalQueries`), and kept for as long as there is room.
 */
export class PastWrites {
  readonly #historical: HistoricalQueries;
  /** By seqno, least recently used first. */
  readonly #known = new Map<number, WriteSet>();
  readonly #wanted = new Set<number>();
  readonly #missing = new Set<number>();
  #reading: Range[] = [];

  constructor(historical: HistoricalQueries) {
    this.#historical = historical;
  }

  /** What a committed transaction wrote; `loading` until it is read, `missing` when the files do not have it. */
  get(seqno: number): WriteSet | 'loading' | 'missing' {
    const known = this.#known.get(seqno);
    if (known === undefined) {
      // Told once: whoever asks again later has it tried again.
      if (this.#missing.delete(seqno)) return 'missing';
      this.#wanted.add(seqno);
      return 'loading';
    }
    this.#known.delete(seqno);
    this.#known.set(seqno, known);
    return known;
  }

  /** Takes what has been read and asks for what is still wanted. */
  step(): void {
    if (this.#wanted.size === 0) return;
    this.#reading = this.#reading.filter((range) => !this.#take(range));
    while (this.#reading.length < limits.undoReadsInFlightMax) {
      const range = this.#nextRange();
      if (range === undefined) return;
      if (!this.#take(range)) this.#reading.push(range);
    }
  }

  /** Whether the range is done with: its states were there, or will never be. */
  #take(range: Range): boolean {
    const handle = handleOf(range);
    if (this.#historical.hasFailed(handle)) {
      for (const seqno of this.#wanted)
        if (range.from <= seqno && seqno <= range.to) this.#missing.add(seqno);
      this.#forget(range);
      this.#historical.drop(handle);
      return true;
    }
    const states = this.#historical.request(handle, range.from, range.to, limits.undoReadExpiryMs);
    if (states === null) return false;
    states.forEach(({ writeSet }, i) => {
      if (this.#wanted.has(range.from + i)) this.#known.set(range.from + i, writeSet);
    });
    this.#forget(range);
    this.#historical.drop(handle);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= limits.undoPastWritesMax) break;
      this.#known.delete(oldest);
    }
    return true;
  }

  #forget({ from, to }: Range): void {
    for (let seqno = from; seqno <= to; seqno++) this.#wanted.delete(seqno);
  }

  /** Wanted seqnos that lie close together are read together. */
  #nextRange(): Range | undefined {
    const open = [...this.#wanted]
      .filter((seqno) => !this.#reading.some(({ from, to }) => from <= seqno && seqno <= to))
      .sort((a, b) => a - b);
    const [from] = open;
    if (from === undefined) return undefined;
    let to = from;
    for (const seqno of open) {
      if (seqno - to > limits.undoReadGapMax || seqno - from >= limits.readEntriesMax) break;
      to = seqno;
    }
    return { from, to };
  }
}

function handleOf({ from, to }: Range): string {
  return `undo ${from} ${to}`;
}

import { LedgerError } from './errors.ts';

/**
 * Where each view began. Views without entries begin where the next one with entries does, so the list has no
 * holes: element i is the first seqno of view i + 1, as in CCF's snapshots.
 */
export class ViewHistory {
  #starts: number[];

  /** Starts of views 1, 2, ..., which must never fall. Throws `InvalidArgument`. */
  constructor(starts: readonly number[] = []) {
    for (const [i, start] of starts.entries()) {
      if (!Number.isSafeInteger(start) || start < 0 || start < (starts[i - 1] ?? 0)) {
        throw new LedgerError('InvalidArgument', `view ${i + 1} cannot begin at seqno ${start}`);
      }
    }
    this.#starts = [...starts];
  }

  /**
   * Notes that `view` begins at `seqno`. Known views are left as they are. Throws when time would run
   * backwards.
   */
  begin(view: number, seqno: number): void {
    if (seqno < (this.#starts.at(-1) ?? 0)) {
      throw new LedgerError(
        'InvalidArgument',
        `view ${view} cannot begin at ${seqno}, before the view before it`,
      );
    }
    while (this.#starts.length < view) this.#starts.push(seqno);
  }

  /** The view of the entry at `seqno`; 0 when no view had begun by then. */
  viewAt(seqno: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= seqno) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where `view` began; undefined for a view not seen. */
  firstSeqnoOf(view: number): number | undefined {
    return this.#starts[view - 1];
  }

  /** The newest view; 0 when none has begun. */
  get current(): number {
    return this.#starts.length;
  }

  /** Forgets views that began after `seqno`. */
  rollback(seqno: number): void {
    this.#starts.length = this.viewAt(seqno);
  }

  /** Starts of views 1, 2, ..., up to the view of `seqno` (all, unless told). */
  toArray(seqno: number = Number.MAX_SAFE_INTEGER): number[] {
    return this.#starts.slice(0, this.viewAt(seqno));
  }
}

import type { TxId, ViewStart } from './entry.ts';

/** Which view each seqno belongs to, as the list of places where views begin. Grows by elections only. */
export class ViewHistory {
  readonly #starts: ViewStart[];

  constructor(starts: readonly ViewStart[] = []) {
    this.#starts = [...starts];
  }

  /** The view of `seqno`; 0 before the first view. The caller knows that the seqno exists. */
  viewAt(seqno: number): number {
    // Newest first: nearly every question is about the current view.
    for (let i = this.#starts.length - 1; i >= 0; i--) {
      const start = this.#starts[i]!;
      if (start.seqno <= seqno) return start.view;
    }
    return 0;
  }

  /** The first seqno of `view`, or null when no entry of it is known. */
  startOf(view: number): number | null {
    return this.#starts.find((start) => start.view === view)?.seqno ?? null;
  }

  /** Records that the entry `seqno` belongs to `view`. */
  note(view: number, seqno: number): void {
    const newest = this.#starts[this.#starts.length - 1];
    if (newest === undefined || newest.view < view) this.#starts.push({ view, seqno });
  }

  /** Forgets every seqno after `seqno`. */
  truncate(seqno: number): void {
    while (this.#starts.length > 0 && this.#starts[this.#starts.length - 1]!.seqno > seqno)
      this.#starts.pop();
  }

  /**
   * The highest seqno, up to `last`, at which this log may agree with one that holds `other`. Two logs agree
   * up to a common (view, seqno), so whole views newer than `other`'s can be stepped over at once.
   */
  highestPossibleMatch(other: TxId, last: number): number {
    let seqno = Math.min(other.seqno, last);
    for (let i = this.#starts.length - 1; i >= 0; i--) {
      const start = this.#starts[i]!;
      if (start.seqno > seqno) continue;
      if (start.view <= other.view) return seqno;
      seqno = start.seqno - 1;
    }
    return seqno;
  }

  /** Where each view that begins at or before `seqno` began, ascending. */
  upTo(seqno: number): readonly ViewStart[] {
    return this.#starts.filter((start) => start.seqno <= seqno);
  }
}

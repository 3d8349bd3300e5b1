import { type Obstacle, traceOf } from '@coco/governance';
import { Lineage, type Version } from '@coco/kv';
import type { HistoricalQueries } from '../historical.ts';
import { limits } from '../limits.ts';

const handle = 'undo lineage';
const nobodyWants = Number.POSITIVE_INFINITY;

/**
 * Who read and wrote what before a lineage begins, read from the ledger a stretch at a time, the latest first, when
 * somebody plans an undo that reaches back so far. Believed only as far as it is signed (`HistoricalQueries`).
 */
export class EarlierLineage {
  readonly #lineage: Lineage;
  readonly #historical: HistoricalQueries;
  /** The stretch being read, as far as it is. */
  #stretch: Lineage | undefined;
  #wantedFrom = nobodyWants;
  #isMissing = false;

  constructor(lineage: Lineage, historical: HistoricalQueries) {
    this.#lineage = lineage;
    this.#historical = historical;
  }

  /** Whether the lineage goes back to a version; if not, begins to make it so. */
  reachBack(version: Version): 'known' | 'beyond' | Obstacle {
    const { from, isAligned, isFull } = this.#lineage;
    if (isAligned && version >= from) return 'known';
    if (isFull) return 'beyond';
    if (this.#isMissing) {
      // Told once: whoever asks again later has it tried again.
      this.#isMissing = false;
      return 'missing';
    }
    this.#wantedFrom = Math.min(this.#wantedFrom, version);
    return 'loading';
  }

  /** Goes on reading while somebody wants more than there is. */
  step(): void {
    while (this.#isWanted() && this.#readMore());
  }

  #isWanted(): boolean {
    const { from, isAligned, isFull } = this.#lineage;
    return (
      !isFull && from > 1 && (this.#wantedFrom < from || (!isAligned && Number.isFinite(this.#wantedFrom)))
    );
  }

  /** Takes the next entries of the stretch. Answers false when they are not there yet, or will not be. */
  #readMore(): boolean {
    const end = this.#lineage.from;
    if (this.#stretch === undefined || this.#stretch.from >= end)
      this.#stretch = new Lineage(this.#lineage.stretchOf(end - 1));
    const stretch = this.#stretch;
    const from = stretch.end;
    const to = Math.min(end - 1, from + limits.lineageReadMax - 1);
    if (this.#historical.hasFailed(handle)) {
      this.#historical.drop(handle);
      this.#isMissing = true;
      this.#wantedFrom = nobodyWants;
      return false;
    }
    const states = this.#historical.request(handle, from, to, limits.undoReadExpiryMs);
    if (states === null) return false;
    this.#historical.drop(handle);
    for (const [i, { writeSet }] of states.entries()) stretch.record(from + i, traceOf(writeSet));
    if (stretch.end < end) return true;
    this.#lineage.precede(stretch);
    this.#stretch = undefined;
    return true;
  }
}

import type { Change } from '@coco/contracts';
import type { MapWrites, Version } from '@coco/kv';

/** What is written to one map, in order, until it is committed and taken. */
export class WriteQueue {
  #waiting: { readonly version: Version; readonly writes: MapWrites }[] = [];
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  add(version: Version, writes: MapWrites): void {
    this.#waiting.push({ version, writes });
    this.#rows += writes.size;
  }

  /** Forgets what never came to be: everything after a version. */
  rollBack(to: Version): void {
    this.#keep(({ version }) => version <= to);
  }

  /** Forgets what is known already: everything up to a version. */
  dropUpTo(version: Version): void {
    this.#keep((each) => each.version > version);
  }

  /** Takes whole transactions up to a version, at least one, and no more once there are `rows` rows. */
  take(upTo: Version, rows: number): { readonly changes: Change[]; readonly seqno: Version } {
    const changes: Change[] = [];
    let taken = 0;
    let seqno = upTo;
    for (const { version, writes } of this.#waiting) {
      if (version > upTo) break;
      if (changes.length >= rows) {
        seqno = (this.#waiting[taken - 1]?.version as number) ?? upTo;
        break;
      }
      for (const [key, value] of writes) changes.push({ key, value, seqno: version });
      taken++;
    }
    this.#waiting = this.#waiting.slice(taken);
    this.#rows -= changes.length;
    return { changes, seqno };
  }

  #keep(which: (each: { readonly version: Version }) => boolean): void {
    this.#waiting = this.#waiting.filter(which);
    this.#rows = this.#waiting.reduce((sum, { writes }) => sum + writes.size, 0);
  }
}

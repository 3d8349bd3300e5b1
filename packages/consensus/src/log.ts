import type { Entry, Origin, TxId } from './entry.ts';
import { ConsensusError } from './errors.ts';
import { ENTRY_OVERHEAD_BYTES } from './limits.ts';
import { ViewHistory } from './view-history.ts';

/** What an entry counts for in windows and bounds. */
export function weightOf(entry: Entry): number {
  return entry.bytes.length + ENTRY_OVERHEAD_BYTES;
}

/**
 * The replicated log: how far it goes, how much of it is durable and committed, and its newest entries.
 * Entries that are both durable and committed may be dropped from memory; the ledger has them.
 */
export class Log {
  views: ViewHistory;
  /** Last seqno appended. */
  last: number;
  /** Last seqno the disk has answered for. */
  durable: number;
  /** Last seqno committed; a committable entry, or the origin. */
  commit: number;
  /** Changes with every truncation, so that the disk's answers can be told apart. */
  token = 0;
  /** Weight of the entries above `commit`. */
  uncommittedBytes = 0;

  /** Committable seqnos above `commit`, ascending. */
  #committable: number[] = [];
  /** Truncations whose later appends the disk has not answered yet. */
  #floors: { token: number; seqno: number }[] = [];
  /** Entries in memory, from `#head` on; those before it are already dropped. */
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  constructor(origin: Origin) {
    this.views = new ViewHistory(origin.viewHistory);
    this.last = this.durable = this.commit = origin.seqno;
  }

  /** Starts over from a snapshot. Appends still on their way to the disk no longer count. */
  reset(origin: Origin): void {
    this.views = new ViewHistory(origin.viewHistory);
    this.last = this.durable = this.commit = origin.seqno;
    this.#committable = [];
    this.#entries = [];
    this.#head = this.#bytes = this.uncommittedBytes = 0;
    this.#floors.push({ token: ++this.token, seqno: origin.seqno });
  }

  /** First seqno held in memory; `last + 1` when none is. */
  get first(): number {
    return this.last + 1 - (this.#entries.length - this.#head);
  }

  get bytesInMemory(): number {
    return this.#bytes;
  }

  viewAt(seqno: number): number {
    return this.views.viewAt(seqno);
  }

  txIdAt(seqno: number): TxId {
    return { view: this.views.viewAt(seqno), seqno };
  }

  get committable(): readonly number[] {
    return this.#committable;
  }

  get lastCommittable(): number {
    return this.#committable[this.#committable.length - 1] ?? this.commit;
  }

  /** The highest committable seqno above `commit` and up to `seqno`, or `commit`. */
  committableUpTo(seqno: number): number {
    for (let i = this.#committable.length - 1; i >= 0; i--) {
      if (this.#committable[i]! <= seqno) return this.#committable[i]!;
    }
    return this.commit;
  }

  append(entry: Entry): void {
    this.last = entry.seqno;
    this.views.note(entry.view, entry.seqno);
    if (entry.committable) this.#committable.push(entry.seqno);
    const weight = weightOf(entry);
    this.#entries.push(entry);
    this.#bytes += weight;
    this.uncommittedBytes += weight;
  }

  /** Forgets every entry after `seqno`; never a committed one. */
  truncate(seqno: number): void {
    if (seqno < this.commit) {
      throw new ConsensusError('InvariantBroken', `truncation to ${seqno} below commit ${this.commit}`);
    }
    while (this.last > seqno) {
      const weight = weightOf(this.#entries.pop()!);
      this.#bytes -= weight;
      this.uncommittedBytes -= weight;
      this.last--;
    }
    while (this.lastCommittable > seqno) this.#committable.pop();
    this.views.truncate(seqno);
    this.durable = Math.min(this.durable, seqno);
    this.#floors.push({ token: ++this.token, seqno });
  }

  /** The disk's answer. An answer older than a truncation vouches only for what that truncation kept. */
  appended(seqno: number, token: number): void {
    this.#floors = this.#floors.filter((floor) => floor.token > token);
    let upTo = Math.min(seqno, this.last);
    for (const floor of this.#floors) upTo = Math.min(upTo, floor.seqno);
    this.durable = Math.max(this.durable, upTo);
  }

  commitTo(seqno: number): void {
    const offset = this.#head - this.first;
    for (let s = this.commit + 1; s <= seqno; s++)
      this.uncommittedBytes -= weightOf(this.#entries[offset + s]!);
    this.commit = seqno;
    let passed = 0;
    while (passed < this.#committable.length && this.#committable[passed]! <= seqno) passed++;
    this.#committable.splice(0, passed);
  }

  /** Entries of one view from `from` on while they fit the bounds; at least one if any is in memory there. */
  slice(from: number, bounds: { readonly entriesMax: number; readonly bytesMax: number }): Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (let at = this.#head + from - this.first; at < this.#entries.length; at++) {
      const entry = this.#entries[at]!;
      bytes += weightOf(entry);
      if (found.length > 0 && (bytes > bounds.bytesMax || found.length >= bounds.entriesMax)) break;
      if (entry.view !== (found[0] ?? entry).view) break;
      found.push(entry);
    }
    return found;
  }

  /** Drops the oldest entries that are durable and committed from memory until at most `bytesMax` is held. */
  evict(bytesMax: number): void {
    const end = this.#head + Math.min(this.durable, this.commit) + 1 - this.first;
    while (this.#bytes > bytesMax && this.#head < end) {
      this.#bytes -= weightOf(this.#entries[this.#head]!);
      this.#entries[this.#head++] = undefined;
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

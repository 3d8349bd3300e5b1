import type { Entry, Output } from '@coco/consensus';
import { entryFlags } from '@coco/ledger';
import type { Outbox } from './outbox.ts';

/** The ledger files as the replica sees them: what it has appended and not heard of, what it reads, where chunks end. */
export class Disk {
  /** Of all entries that this node has had to do with. */
  bytes = 0;
  readonly #outbox: Outbox;
  readonly #chunkBytes: number;
  /** Appends the host has not answered yet, oldest first. */
  #appends: { readonly last: number; readonly token: number }[] = [];
  /** Reads that consensus waits for, by their first seqno. */
  readonly #reads = new Map<number, { readonly to: number; readonly bytesMax: number }>();
  #bytesInChunk = 0;
  #chunkForced = false;

  /** A chunk ends at the first signature after `chunkBytes`. */
  constructor(outbox: Outbox, chunkBytes: number) {
    this.#outbox = outbox;
    this.#chunkBytes = chunkBytes;
  }

  /** Ends the next chunk at the next signature, whatever its size. */
  forceChunk(): void {
    this.#chunkForced = true;
  }

  /** Flags of a signature entry that is to be made now. */
  signatureFlags(): number {
    const endsChunk = this.#chunkForced || this.#bytesInChunk >= this.#chunkBytes;
    this.#chunkForced = false;
    return endsChunk ? entryFlags.forceChunkAfter : 0;
  }

  /** Takes note of an entry that goes into the present chunk. */
  count(bytes: Uint8Array, flags: number): void {
    this.bytes += bytes.length;
    this.#bytesInChunk = flags === 0 ? this.#bytesInChunk + bytes.length : 0;
  }

  /**
   * Splits at chunk ends, so that the host closes files where signatures say. What the primary made waits for the
   * signature that is to commit it; what a backup is given does not, since the primary goes on by its answers.
   */
  append({ entries, origin, token }: Extract<Output, { kind: 'append' }>): void {
    let start = 0;
    entries.forEach((entry, i) => {
      if (entry.committable && endsChunk(entry)) {
        this.#emit(entries.slice(start, i + 1), { endsChunk: true, mayWait: false });
        start = i + 1;
      }
    });
    const rest = start === 0 ? entries : entries.slice(start);
    const mayWait = origin === 'proposed' && !rest.some(({ committable }) => committable);
    this.#emit(rest, { endsChunk: false, mayWait });
    const last = entries.at(-1);
    if (last) this.#appends.push({ last: last.seqno, token });
  }

  /** The host has flushed everything up to `seqno`. Answers the last append that this completes. */
  appended(seqno: number): { readonly last: number; readonly token: number } | undefined {
    let answered: { readonly last: number; readonly token: number } | undefined;
    while (this.#appends[0] && this.#appends[0].last <= seqno) answered = this.#appends.shift();
    return answered;
  }

  /** Reads entries back for consensus. */
  read({ from, to, bytesMax }: Extract<Output, { kind: 'read' }>): void {
    this.#reads.set(from, { to, bytesMax });
    this.#outbox.push({ kind: 'read-entries', from, to });
  }

  /** The host has read entries back. Answers those that consensus wanted; undefined when it did not ask. */
  entriesRead(from: number, read: readonly Uint8Array[]): readonly Uint8Array[] | undefined {
    const asked = this.#reads.get(from);
    if (!asked) return undefined;
    this.#reads.delete(from);
    const wanted: Uint8Array[] = [];
    let bytesLeft = asked.bytesMax;
    for (const bytes of read) {
      if (from + wanted.length > asked.to || (bytesLeft <= 0 && wanted.length > 0)) break;
      wanted.push(bytes);
      bytesLeft -= bytes.length;
    }
    return wanted;
  }

  #emit(entries: readonly Entry[], how: { readonly endsChunk: boolean; readonly mayWait: boolean }): void {
    const [first] = entries;
    if (!first) return;
    const bytes = entries.map((entry) => entry.bytes);
    this.#outbox.push({ kind: 'append', from: first.seqno, entries: bytes, ...how });
  }
}

/** The second byte of an entry's frame holds its flags. */
function endsChunk({ bytes }: Entry): boolean {
  return ((bytes[1] ?? 0) & entryFlags.forceChunkAfter) !== 0;
}

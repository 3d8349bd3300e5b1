import { isDeepStrictEqual } from 'node:util';
import { ChunkWriter, decodeEntry, parseChunkName, readChunk } from '@coco/ledger';
import type { Clock } from '../world/clock.ts';
import { between, type Random } from '../world/random.ts';
import type { Tally } from '../world/tally.ts';

/** A file as it lies on the platter. */
export interface LedgerFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What the process learns from the disk. */
export interface DiskListener {
  appended(seqno: number): void;
  entriesRead(from: number, to: number, entries: readonly Uint8Array[]): void;
  /** Nothing was written; the process must end. */
  failed(reason: string): void;
}

interface Chunk {
  start: number;
  entries: Uint8Array[];
  isComplete: boolean;
  isCommitted: boolean;
  /** The beginning of an entry that a crash cut short. */
  torn: Uint8Array;
  /** A bit of it was changed. */
  isDamaged: boolean;
}

type Operation =
  | {
      readonly kind: 'append';
      readonly from: number;
      readonly entries: readonly Uint8Array[];
      readonly endsChunk: boolean;
      readonly mayWait: boolean;
    }
  | { readonly kind: 'truncate'; readonly seqno: number }
  | { readonly kind: 'committed'; readonly seqno: number }
  | { readonly kind: 'begin'; readonly after: number }
  | { readonly kind: 'read'; readonly from: number; readonly to: number };

const nothing = new Uint8Array(0);
const readBytesMax = 1_000_000;

/**
 * The ledger directory of one machine: chunk files behind a cache that a crash empties. Operations reach the platter one
 * after the other, in the order given, as the daemon's do; appends that wait, or may, become one write.
 */
export class LedgerDisk {
  /** How long a write takes, in milliseconds. */
  latency: readonly [min: number, max: number];
  /** Nothing more can be written. */
  isFull = false;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #faults: Tally;
  #chunks: Chunk[] = [];
  #queue: Operation[] = [];
  #listener: DiskListener | null = null;
  #isBusy = false;
  #stalledUntil = 0;
  /** The ledger was told to begin after this seqno. */
  #begun = 0;

  constructor(world: {
    readonly clock: Clock;
    readonly random: Random;
    readonly faults: Tally;
    readonly latency: readonly [number, number];
  }) {
    this.#clock = world.clock;
    this.#random = world.random;
    this.#faults = world.faults;
    this.latency = world.latency;
  }

  /**
   * A process opens the directory: what a crash left half written is cut off. Entries may be missing between others for
   * one that joins, which begins after a snapshot anyway.
   */
  open(listener: DiskListener, mayHaveGaps: boolean): void {
    for (const chunk of this.#chunks) cutTorn(chunk);
    this.#chunks = this.#chunks.filter(({ entries }) => entries.length > 0);
    this.#listener = listener;
    const { gap } = this;
    if (gap !== undefined && !mayHaveGaps)
      this.#clock.after(0, () => listener.failed(`entries ${gap.from} to ${gap.to} are missing`));
    this.#queue = [];
    this.#isBusy = false;
  }

  /** The process is gone. What had not reached the platter is lost, though the first of it may have. */
  crash(): void {
    this.#listener = null;
    const pending = this.#queue.splice(0);
    const survivors = between(this.#random, 0, pending.length);
    for (const operation of pending.slice(0, survivors)) this.#apply(operation);
    const lost = pending[survivors];
    if (lost !== undefined) this.#faults.add('writes forgotten');
    if (lost?.kind === 'append' && this.#random() < 0.5) this.#tear(lost);
  }

  submit(operation: Operation): void {
    this.#queue.push(operation);
    this.#run();
  }

  /** Nothing is written for a while. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#clock.now + ms);
  }

  /** Seqno of the last whole entry on the platter; 0 when there is none. */
  get last(): number {
    const chunk = this.#chunks.at(-1);
    return chunk === undefined ? 0 : chunk.start + chunk.entries.length - 1;
  }

  /** Seqno of the first entry on the platter; 0 when there is none. */
  get first(): number {
    return this.#chunks[0]?.start ?? 0;
  }

  /** An entry on the platter. */
  at(seqno: number): Uint8Array | undefined {
    const chunk = this.#chunks.findLast(({ start }) => start <= seqno);
    return chunk?.entries[seqno - chunk.start];
  }

  /**
   * Changes one bit of an entry on the platter. In the last one nothing public tells of a bit that its writes do not hang
   * on: there it is another bit. `packages/node/src/lifecycle/recover.test.ts` shows that the ledger secret tells.
   */
  corrupt(seqno: number): void {
    const bytes = this.at(seqno);
    if (bytes === undefined) return;
    this.#faults.add('bit flipped on disk');
    const chunk = this.#chunks.findLast(({ start }) => start <= seqno)!;
    let damaged = this.#withFlippedBit(bytes);
    while (seqno === this.last && saysTheSame(damaged, bytes)) damaged = this.#withFlippedBit(bytes);
    chunk.entries[seqno - chunk.start] = damaged;
    chunk.isDamaged = true;
  }

  #withFlippedBit(bytes: Uint8Array): Uint8Array {
    const damaged = Uint8Array.from(bytes);
    damaged[between(this.#random, 0, bytes.length - 1)]! ^= 1 << between(this.#random, 0, 7);
    return damaged;
  }

  /** Everything on the platter, as files in the format of the ledger. */
  files(): LedgerFile[] {
    return this.#chunks.map(fileOf);
  }

  /** A copy of what is on the platter, and later puts it back. */
  backUp(): () => void {
    const kept = this.#chunks.map((chunk) => ({ ...chunk, entries: [...chunk.entries] }));
    return () => {
      this.#chunks = kept.map((chunk) => ({ ...chunk, entries: [...chunk.entries] }));
    };
  }

  /** The first entries that are missing between others. */
  get gap(): { readonly from: number; readonly to: number } | undefined {
    for (const [i, chunk] of this.#chunks.entries()) {
      const next = this.#chunks[i + 1];
      if (next !== undefined && next.start > endOf(chunk) + 1)
        return { from: endOf(chunk) + 1, to: next.start - 1 };
    }
    return undefined;
  }

  /** Takes what is missing here, before the last entry, from another disk; as much of it as leaves no new gap. */
  completeFrom(other: LedgerDisk): void {
    for (let gap = this.gap; gap !== undefined; gap = this.gap) {
      if (!this.#take(other, gap.from, gap.to)) break;
    }
    if (this.first > 1) this.#take(other, other.first, this.first - 1);
  }

  /** Moves everything away that ends before an entry. */
  dropBefore(seqno: number): void {
    this.#chunks = this.#chunks.filter((chunk) => endOf(chunk) >= seqno);
  }

  /** Copies a range. Answers false when the other does not hold all of it, or a node would refuse its files by name. */
  #take(other: LedgerDisk, from: number, to: number): boolean {
    const isRefused = (chunk: Chunk): boolean => chunk.isDamaged && chunk.start <= to && endOf(chunk) >= from;
    if (other.#chunks.some(isRefused)) return false;
    const entries: Uint8Array[] = [];
    for (let seqno = from; seqno > 0 && seqno <= to; seqno++) {
      const entry = other.at(seqno);
      if (entry === undefined) return false;
      entries.push(entry);
    }
    if (entries.length === 0) return false;
    this.#chunks.push({ ...emptyChunk(from), entries, isComplete: true, isCommitted: true });
    this.#chunks.sort((a, b) => a.start - b.start);
    return true;
  }

  wipe(): void {
    this.#chunks = [];
  }

  #run(): void {
    if (this.#isBusy || this.#queue.every((operation) => operation.kind === 'append' && operation.mayWait))
      return;
    this.#isBusy = true;
    const listener = this.#listener;
    const stall = Math.max(0, this.#stalledUntil - this.#clock.now);
    this.#clock.after(stall + between(this.#random, this.latency[0], this.latency[1]), () => {
      if (listener === null || listener !== this.#listener) return;
      this.#isBusy = false;
      this.#carryOutNext(listener);
      this.#run();
    });
  }

  #carryOutNext(listener: DiskListener): void {
    const operation = this.#queue.shift();
    if (operation === undefined) return;
    if (operation.kind === 'read') {
      listener.entriesRead(operation.from, operation.to, this.#read(operation.from, operation.to));
      return;
    }
    if (operation.kind === 'append' && this.isFull) {
      this.#faults.add('disk full');
      this.#tear(operation);
      this.#queue = [];
      listener.failed('no space left on device');
      return;
    }
    this.#apply(operation);
    if (operation.kind !== 'append') return;
    // What waits behind is written with it, as the daemon does, up to the end of the chunk.
    let last = operation;
    while (!last.endsChunk && this.#queue[0]?.kind === 'append') {
      last = this.#queue.shift() as typeof operation;
      this.#apply(last);
    }
    listener.appended(this.last);
  }

  #apply(operation: Operation): void {
    switch (operation.kind) {
      case 'append':
        this.#append(operation);
        break;
      case 'truncate':
        this.#truncate(operation.seqno);
        break;
      case 'committed':
        for (const chunk of this.#chunks) {
          if (chunk.isComplete && endOf(chunk) <= operation.seqno) chunk.isCommitted = true;
        }
        break;
      case 'begin':
        this.#begin(operation.after);
        break;
      case 'read':
        break;
    }
  }

  #append({ from, entries, endsChunk }: Extract<Operation, { kind: 'append' }>): void {
    if (!this.#follows(from)) throw new Error(`entry ${from} cannot follow ${this.last} on disk`);
    const chunk = this.#openChunk(from);
    chunk.entries.push(...entries);
    chunk.isComplete = endsChunk;
  }

  #follows(from: number): boolean {
    return this.#chunks.length === 0 || from === this.last + 1 || from === this.#begun + 1;
  }

  /** Committed chunks before the snapshot stay; everything else is set aside, as it may belong to no history. */
  #begin(after: number): void {
    this.#chunks = this.#chunks.filter((chunk) => chunk.isCommitted && endOf(chunk) <= after);
    this.#begun = after;
  }

  #openChunk(start: number): Chunk {
    const open = this.#chunks.at(-1);
    if (open !== undefined && !open.isComplete && start === this.last + 1) return open;
    const chunk = emptyChunk(start);
    this.#chunks.push(chunk);
    return chunk;
  }

  #truncate(seqno: number): void {
    while (this.last > seqno) {
      const chunk = this.#chunks.at(-1)!;
      if (chunk.isCommitted)
        throw new Error(`chunk from ${chunk.start} is committed, yet cut after ${seqno}`);
      chunk.entries.length = Math.max(0, seqno - chunk.start + 1);
      chunk.isComplete = false;
      if (chunk.entries.length === 0) this.#chunks.pop();
    }
  }

  /** The first of the entries, or all but the end of the last, reach the platter. */
  #tear({ from, entries }: Extract<Operation, { kind: 'append' }>): void {
    if (!this.#follows(from)) return;
    this.#faults.add('write torn');
    const whole = between(this.#random, 0, entries.length - 1);
    const chunk = this.#openChunk(from);
    chunk.entries.push(...entries.slice(0, whole));
    const next = entries[whole]!;
    chunk.torn = next.subarray(0, between(this.#random, 0, next.length - 1));
  }

  #read(from: number, to: number): Uint8Array[] {
    const entries: Uint8Array[] = [];
    let bytes = 0;
    for (let seqno = from; seqno <= Math.min(to, this.last) && bytes < readBytesMax; seqno++) {
      const entry = this.at(seqno);
      if (entry === undefined) break;
      bytes += entry.length;
      entries.push(entry);
    }
    return entries;
  }
}

function emptyChunk(start: number): Chunk {
  return { start, entries: [], isComplete: false, isCommitted: false, torn: nothing, isDamaged: false };
}

function endOf(chunk: Chunk): number {
  return chunk.start + chunk.entries.length - 1;
}

function fileOf(chunk: Chunk): LedgerFile {
  const writer = new ChunkWriter(chunk.start);
  for (const entry of chunk.entries) writer.append(entry.length);
  if (!chunk.isComplete) {
    return { name: writer.name, bytes: Buffer.concat([writer.openHeader, ...chunk.entries, chunk.torn]) };
  }
  const { table, header, name } = writer.complete();
  const bytes = Buffer.concat([header, ...chunk.entries, table]);
  return { name: chunk.isCommitted ? `${name}.committed` : name, bytes };
}

/**
 * As the daemon does when it opens its files: what the format itself tells to be cut short is cut off. Damage before it
 * is left for the node to find.
 */
function cutTorn(chunk: Chunk): void {
  if (chunk.isComplete) return;
  const { name, bytes } = fileOf(chunk);
  const torn = chunk.torn.length > 0;
  chunk.torn = nothing;
  if (!torn || chunk.isDamaged) return;
  let whole = 0;
  for (const found of readChunk(bytes, parseChunkName(name)!)) if (found.kind === 'entry') whole++;
  if (whole !== chunk.entries.length) {
    throw new Error(`${name}: ${whole} whole entries are told from a torn one, not ${chunk.entries.length}`);
  }
}

/** Whether an entry writes in public what another does. */
function saysTheSame(entry: Uint8Array, other: Uint8Array): boolean {
  try {
    return isDeepStrictEqual(decodeEntry(entry).writeSet, decodeEntry(other).writeSet);
  } catch {
    return false;
  }
}

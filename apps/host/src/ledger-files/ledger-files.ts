import { randomInt } from 'node:crypto';
import { closeSync, constants, ftruncate, rename } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ChunkWriter, chunkHeaderBytes, chunkName } from '@coco/ledger';
import { HostError, messageOf } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompleteChunk } from './chunk-file.ts';
import { type ChunkIndex, findCommitted, indexChunks, type LedgerPlaces } from './chunk-index.ts';
import { type ReadRequest, readCompleteChunk, readOpenChunk } from './chunk-reader.ts';
import { openFile, syncData, syncNames, writeAll } from './durable.ts';

const truncateFile = promisify(ftruncate);
const renameFile = promisify(rename);

/** Where the ledger lies and how it is watched. */
export interface LedgerFilesOptions extends LedgerPlaces {
  /** Flushes that take longer are reported. */
  readonly slowMs: number;
}

/** What the files have to say. */
export interface LedgerFilesListener {
  /** Everything up to `seqno` is durable. */
  appended(seqno: number): void;
  entriesRead(from: number, to: number, entries: readonly Uint8Array[]): void;
  /** Entries were asked for that cannot be read, and are not needed to go on. */
  unreadable(why: string): void;
  slow(what: string, ms: number): void;
  /** Nothing further was written or acknowledged; the daemon must end. */
  failed(error: HostError): void;
}

/** What the ledger files count. */
export interface LedgerFilesFacts {
  entries: number;
  bytes: number;
  flushes: number;
  flushMs: number;
  flushMsMax: number;
  chunksCompleted: number;
}

type Operation =
  | {
      readonly kind: 'append';
      readonly from: number;
      readonly entries: readonly Uint8Array[];
      readonly endsChunk: boolean;
      /** It need not be written before what follows. */
      readonly mayWait: boolean;
    }
  | { readonly kind: 'truncate'; readonly seqno: number }
  | { readonly kind: 'committed'; readonly seqno: number }
  | { readonly kind: 'begin'; readonly after: number }
  | ({ readonly kind: 'read' } & Read);

/** Which entries are wanted, and how. */
interface Read {
  readonly from: number;
  readonly to: number;
  /** Files are read whole, and another one with them, so that the disk tells little of what was asked for. */
  readonly whole?: boolean;
  /** What cannot be read ends it all. Otherwise it is told, and answered as if it were not there. */
  readonly needed?: boolean;
}

type Append = Extract<Operation, { kind: 'append' }>;

/** The chunk being written: its book, its file, and where each entry begins. */
interface CurrentChunk {
  readonly writer: ChunkWriter;
  readonly fd: number;
  readonly path: string;
  readonly positions: number[];
}

/**
 * The ledger on disk. Operations are carried out one after the other, in the order given; appends that gather
 * while a flush is in flight, or that may wait, become one write and one flush. The first error ends it for good.
 */
export class LedgerFiles {
  readonly facts: LedgerFilesFacts = {
    entries: 0,
    bytes: 0,
    flushes: 0,
    flushMs: 0,
    flushMsMax: 0,
    chunksCompleted: 0,
  };
  /** What was put right at start, for the log. */
  readonly repairs: readonly string[];
  readonly #options: LedgerFilesOptions;
  readonly #listener: LedgerFilesListener;
  #complete: CompleteChunk[];
  /** For reading what `#complete` does not hold. */
  readonly #lent: CompleteChunk[];
  #resume: ChunkIndex['open'];
  #current: CurrentChunk | null = null;
  #last: number;
  #queue: Operation[] = [];
  /** Of the queue, from its head, how many are to be carried out without waiting for more. */
  #due = 0;
  #queuedBytes = 0;
  #running: Promise<void> | null = null;
  #failed = false;

  /** Looks through the directories. @throws HostError `Ledger`, `File` */
  constructor(options: LedgerFilesOptions, listener: LedgerFilesListener) {
    this.#options = options;
    this.#listener = listener;
    const index = indexChunks(options);
    this.#complete = index.complete;
    this.#lent = index.lent;
    this.#resume = index.open;
    this.repairs = index.repairs;
    this.#last = index.open
      ? index.open.start + index.open.positions.length - 1
      : (index.complete.at(-1)?.end ?? 0);
  }

  /** Seqno of the last entry written, or 0. */
  get last(): number {
    return this.#last;
  }

  append({ from, entries, endsChunk, mayWait }: Omit<Append, 'kind'>): void {
    for (const entry of entries) this.#queuedBytes += entry.length;
    if (this.#queuedBytes > limits.unwrittenBytesMax) {
      this.#fail(new Error(`${this.#queuedBytes} bytes wait to be written: the disk does not keep up`));
      return;
    }
    this.#submit({ kind: 'append', from, entries, endsChunk, mayWait });
  }

  truncate(seqno: number): void {
    this.#submit({ kind: 'truncate', seqno });
  }

  committed(seqno: number): void {
    this.#submit({ kind: 'committed', seqno });
  }

  /** The ledger goes on after a snapshot: the next entry is `after + 1`, whatever was there. */
  begin(after: number): void {
    this.#submit({ kind: 'begin', after });
  }

  /** Answered by `entriesRead`, with entries from `from` on: none where they are not there. */
  read(wanted: Read): void {
    this.#submit({ ...wanted, kind: 'read' });
  }

  /** Resolves when everything submitted is done. */
  async idle(): Promise<void> {
    this.#carryOutAll();
    while (this.#running) await this.#running;
  }

  /** Closes the files once everything submitted is done. */
  async close(): Promise<void> {
    await this.idle();
    if (this.#current) closeSync(this.#current.fd);
    this.#current = null;
  }

  /** Paths of the chunks, oldest first. */
  get paths(): readonly string[] {
    const open = this.#current ?? this.#resume;
    const first = this.#complete[0]?.start ?? this.#current?.writer.start ?? this.#resume?.start ?? 0;
    const before = this.#lent.filter(({ end }) => end < first);
    return [...before, ...this.#complete, ...(open ? [open] : [])].map(({ path }) => path);
  }

  #submit(operation: Operation): void {
    if (this.#failed) return;
    this.#queue.push(operation);
    const waits =
      operation.kind === 'append' && operation.mayWait && this.#queuedBytes < limits.waitingBytesMax;
    if (!waits) this.#carryOutAll();
  }

  #carryOutAll(): void {
    this.#due = this.#queue.length;
    // Begins after the current turn, so that all it appends is one group.
    if (this.#due > 0) this.#running ??= Promise.resolve().then(() => this.#run());
  }

  #take(): Operation | undefined {
    this.#due = Math.max(0, this.#due - 1);
    return this.#queue.shift();
  }

  async #run(): Promise<void> {
    try {
      while (this.#due > 0) {
        const next = this.#take()!;
        if (next.kind === 'append') await this.#write(this.#takeGroup(next));
        else if (next.kind === 'truncate') await this.#truncate(next.seqno);
        else if (next.kind === 'committed') await this.#markCommitted(next.seqno);
        else if (next.kind === 'begin') await this.#begin(next.after);
        else await this.#read(next);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = null;
    }
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#queue = [];
    this.#due = 0;
    const known = error instanceof HostError ? error : undefined;
    const where = `ledger directory ${this.#options.directory}`;
    this.#listener.failed(known ?? new HostError('Write', `${where}: ${messageOf(error)}`, { cause: error }));
  }

  /** Appends up to the end of the chunk, or to the next operation of another kind. */
  #takeGroup(first: Append): Append[] {
    const group = [first];
    for (let last = first; !last.endsChunk && this.#queue[0]?.kind === 'append'; ) {
      last = this.#take() as Append;
      group.push(last);
    }
    return group;
  }

  async #write(group: readonly Append[]): Promise<void> {
    const begun = performance.now();
    const isNew = this.#current === null && this.#resume === null;
    const { from } = group[0]!;
    if (this.#last > 0 && from !== this.#last + 1)
      throw new Error(`entry ${from} cannot follow ${this.#last}`);
    const chunk = this.#current ?? (await this.#openChunk(from));
    const position = isNew ? 0 : chunk.writer.size;
    const pieces: Uint8Array[] = isNew ? [chunk.writer.openHeader] : [];
    for (const { from, entries } of group) {
      if (from !== chunk.writer.last + 1)
        throw new Error(`entry ${from} does not follow ${chunk.writer.last}`);
      for (const entry of entries) {
        chunk.positions.push(chunk.writer.append(entry.length));
        pieces.push(entry);
      }
    }
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    await writeAll(chunk.fd, bytes, position);
    if (isNew) await syncNames(this.#options.directory);
    this.#count(chunk.writer.last - this.#last, bytes.length, performance.now() - begun);
    this.#last = chunk.writer.last;
    this.#listener.appended(this.#last);
    if (group.at(-1)!.endsChunk) await this.#completeChunk(chunk);
  }

  #count(entries: number, bytes: number, ms: number): void {
    this.#queuedBytes = Math.max(0, this.#queuedBytes - bytes);
    this.facts.entries += entries;
    this.facts.bytes += bytes;
    this.facts.flushes += 1;
    this.facts.flushMs += ms;
    this.facts.flushMsMax = Math.max(this.facts.flushMsMax, ms);
    if (ms > this.#options.slowMs) this.#listener.slow(`flush of ${entries} ledger entries`, ms);
  }

  /** Takes up the chunk that was open at start, or begins one. */
  async #openChunk(start: number): Promise<CurrentChunk> {
    const resume = this.#resume;
    this.#resume = null;
    const writer = new ChunkWriter(resume?.start ?? start);
    const path = resume?.path ?? join(this.#options.directory, writer.name);
    // Every write is durable when it completes: one trip to the disk for a group instead of write and flush.
    const { O_RDWR, O_CREAT, O_EXCL, O_DSYNC } = constants;
    const fd = await openFile(path, O_RDWR | O_DSYNC | (resume ? 0 : O_CREAT | O_EXCL), 0o600);
    const positions = [...(resume?.positions ?? [])];
    for (const [i, position] of positions.entries()) {
      writer.append((positions[i + 1] ?? resume!.size) - position);
    }
    this.#current = { writer, fd, path, positions };
    return this.#current;
  }

  /** In an order in which every crash leaves a file that can be told apart: table, header, name. */
  async #completeChunk(chunk: CurrentChunk): Promise<void> {
    const { table, header, name } = chunk.writer.complete();
    await writeAll(chunk.fd, table, chunk.writer.size);
    await writeAll(chunk.fd, header, 0);
    const path = join(this.#options.directory, name);
    // Should a crash undo the renaming, the header still tells that the chunk is complete.
    await renameFile(chunk.path, path);
    closeSync(chunk.fd);
    this.#current = null;
    this.facts.chunksCompleted += 1;
    const { start, last: end } = chunk.writer;
    this.#complete.push({ path, start, end, committed: false, writable: true });
  }

  /** The name tells operators which chunks will not change; nothing is lost if a crash undoes it. */
  async #markCommitted(seqno: number): Promise<void> {
    // Newest first: what is behind a committed chunk is committed already.
    for (let i = this.#complete.length - 1; i >= 0; i -= 1) {
      const chunk = this.#complete[i]!;
      if (chunk.committed) break;
      if (chunk.end > seqno) continue;
      const path = `${chunk.path}.committed`;
      await renameFile(chunk.path, path);
      this.#complete[i] = { ...chunk, path, committed: true };
    }
  }

  async #truncate(seqno: number): Promise<void> {
    if (seqno >= this.#last) return;
    if (this.#resume) await this.#openChunk(this.#resume.start);
    if (this.#current && this.#current.writer.start > seqno) await this.#setAside(this.#current);
    while (!this.#current && (this.#complete.at(-1)?.end ?? 0) > seqno) await this.#reopen(seqno);
    const chunk = this.#current;
    if (chunk) {
      await truncateFile(chunk.fd, chunk.writer.truncate(seqno));
      await syncData(chunk.fd);
      chunk.positions.length = chunk.writer.last - chunk.writer.start + 1;
    }
    await syncNames(this.#options.directory);
    this.#last = seqno;
  }

  /**
   * Committed chunks from before the snapshot stay readable. All others are set aside: nobody knows whether what they
   * hold is what the service has at these places.
   */
  async #begin(after: number): Promise<void> {
    if (this.#resume) await this.#openChunk(this.#resume.start);
    if (this.#current) await this.#setAside(this.#current);
    const stays = ({ committed, end, writable }: CompleteChunk) => writable && committed && end <= after;
    const [kept, others] = [this.#complete.filter(stays), this.#complete.filter((chunk) => !stays(chunk))];
    for (const { path, writable } of others) if (writable) await renameFile(path, `${path}.ignored`);
    await syncNames(this.#options.directory);
    this.#complete = kept;
    this.#lent.push(...others.filter(({ writable }) => !writable));
    this.#last = after;
  }

  async #setAside(chunk: CurrentChunk): Promise<void> {
    closeSync(chunk.fd);
    await renameFile(chunk.path, `${chunk.path}.ignored`);
    this.#current = null;
  }

  /** Takes up the last complete chunk again to cut it, or sets it aside when none of it is kept. */
  async #reopen(seqno: number): Promise<void> {
    const chunk = this.#complete.at(-1)!;
    if (chunk.committed || !chunk.writable) {
      throw new HostError('Ledger', `${chunk.path}: to be cut after ${seqno}, but it is committed`);
    }
    this.#complete.pop();
    if (chunk.start > seqno) {
      await renameFile(chunk.path, `${chunk.path}.ignored`);
      return;
    }
    const { positions, size } = await readCompleteChunk(chunk);
    // The name first: an open name with a finished header is put right at start, the reverse is not.
    const path = join(this.#options.directory, chunkName({ start: chunk.start }));
    await renameFile(chunk.path, path);
    await syncNames(this.#options.directory);
    this.#resume = { path, start: chunk.start, positions, size, excess: 0, complete: false };
    const current = await this.#openChunk(chunk.start);
    await writeAll(current.fd, new Uint8Array(chunkHeaderBytes), 0);
  }

  async #read(wanted: Read): Promise<void> {
    const entries: Uint8Array[] = [];
    try {
      await this.#readInto(entries, wanted);
      if (wanted.whole) await this.#readAny();
    } catch (error) {
      if (wanted.needed) throw error;
      this.#listener.unreadable(messageOf(error));
    }
    this.#listener.entriesRead(wanted.from, wanted.to, entries);
  }

  async #readInto(entries: Uint8Array[], { from, to, whole = false }: Read): Promise<void> {
    const budget = { bytes: limits.readBytesMax };
    for (
      let next = from;
      next <= Math.min(to, this.#last) && budget.bytes > 0;
      next = from + entries.length
    ) {
      const found = await this.#readSome({ from: next, to, budget, whole });
      if (found.length === 0) break;
      entries.push(...found);
    }
  }

  /** A chunk that nobody asked for. */
  async #readAny(): Promise<void> {
    const chunk = this.#complete[randomInt(Math.max(1, this.#complete.length))];
    if (!chunk) return;
    await this.#readComplete(chunk, {
      from: chunk.start,
      to: chunk.start,
      budget: { bytes: 0 },
      whole: true,
    });
  }

  async #readSome(request: ReadRequest): Promise<readonly Uint8Array[]> {
    const { from, to } = request;
    const chunk = findChunk(this.#complete, from);
    if (chunk) return this.#readComplete(chunk, request);
    const open = this.#current
      ? { ...this.#current, start: this.#current.writer.start, size: this.#current.writer.size }
      : this.#resume;
    if (open && from >= open.start) return readOpenChunk(open, request);
    const known = this.#lent.findLast(({ start, end }) => start <= from && from <= end);
    const lent = known ?? (await this.#findLent(from));
    if (!lent) return [];
    const own = this.#complete.find(({ start }) => start > from)?.start ?? open?.start;
    const until = Math.min(to, (own ?? Number.POSITIVE_INFINITY) - 1);
    return this.#readComplete(lent, { ...request, to: until });
  }

  /** Reads from a complete chunk, also where it was moved to a read-only directory meanwhile. */
  async #readComplete(chunk: CompleteChunk, request: ReadRequest): Promise<readonly Uint8Array[]> {
    try {
      return (await readCompleteChunk(chunk, request)).entries;
    } catch (error) {
      const moved = isMissingFile(error) ? await this.#findLent(request.from) : undefined;
      if (!moved) throw error;
      return (await readCompleteChunk(moved, request)).entries;
    }
  }

  #findLent(seqno: number): Promise<CompleteChunk | undefined> {
    return findCommitted(this.#options.readOnlyDirectories, seqno);
  }
}

function findChunk(chunks: readonly CompleteChunk[], seqno: number): CompleteChunk | undefined {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunks[middle]!.end < seqno) low = middle + 1;
    else high = middle;
  }
  const chunk = chunks[low];
  return chunk && chunk.start <= seqno ? chunk : undefined;
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

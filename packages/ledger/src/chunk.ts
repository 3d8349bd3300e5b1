import { type ChunkName, chunkName } from './chunk-name.ts';
import { LedgerError } from './errors.ts';
import { frameLength, headerBytes, readFrame, writeU64 } from './frame.ts';
import { chunkBytesMax } from './limits.ts';

/** Every chunk begins with the offset of its positions table as u64; 0 while it is open. */
export const chunkHeaderBytes = 8;
const positionBytes = 4;

/** Where an entry lies in its chunk file. */
export interface ChunkEntry {
  readonly kind: 'entry';
  readonly seqno: number;
  readonly offset: number;
  /** A window on the file's bytes. */
  readonly bytes: Uint8Array;
}

/**
 * The last write of an open chunk is not there to its end: a crash cut it short, or it is going on. After a crash,
 * cut the file here.
 */
export interface TornWrite {
  readonly kind: 'torn';
  readonly offset: number;
  /** An entry, or the positions table that would have completed the chunk, even if all of it is there. */
  readonly of: 'entry' | 'table';
}

/** What completes a chunk: append `table` at the end, then overwrite the first bytes with `header`. */
export interface ChunkCompletion {
  readonly table: Uint8Array;
  readonly header: Uint8Array;
  readonly name: string;
}

/**
 * Keeps the book of one chunk file that is being written. It touches no file: it says what to write where,
 * and where to cut.
 */
export class ChunkWriter {
  readonly start: number;
  readonly recovery: boolean;
  readonly #positions: number[] = [];
  #bytes = chunkHeaderBytes;

  constructor(start: number, options: { recovery?: boolean } = {}) {
    this.start = start;
    this.recovery = options.recovery ?? false;
  }

  /** Takes up an open chunk again, from what `readChunk` found in it. A torn end is to be cut off first. */
  static resume(
    start: number,
    entries: Iterable<ChunkEntry>,
    options: { recovery?: boolean } = {},
  ): ChunkWriter {
    const writer = new ChunkWriter(start, options);
    for (const { bytes } of entries) writer.append(bytes.length);
    return writer;
  }

  /** What the file begins with while open. */
  get openHeader(): Uint8Array {
    return new Uint8Array(chunkHeaderBytes);
  }

  /** Bytes of the file so far. */
  get size(): number {
    return this.#bytes;
  }

  /** Seqno of the last entry; `start` - 1 when there is none. */
  get last(): number {
    return this.start + this.#positions.length - 1;
  }

  /** Name of the file while open. */
  get name(): string {
    return chunkName({ start: this.start, recovery: this.recovery });
  }

  /** Notes an entry of so many bytes; answers the offset it goes to. Throws `LimitExceeded` at 4 GB. */
  append(entryBytes: number): number {
    const offset = this.#bytes;
    if (offset + entryBytes > chunkBytesMax) {
      throw new LedgerError('LimitExceeded', `chunk from ${this.start} would exceed ${chunkBytesMax} bytes`);
    }
    this.#positions.push(offset);
    this.#bytes += entryBytes;
    return offset;
  }

  /** Forgets entries after `seqno`; answers the size to cut the file to. */
  truncate(seqno: number): number {
    const kept = seqno - this.start + 1;
    if (kept < 0)
      throw new LedgerError('InvalidArgument', `chunk from ${this.start} holds nothing up to ${seqno}`);
    if (kept < this.#positions.length) {
      this.#bytes = this.#positions[kept]!;
      this.#positions.length = kept;
    }
    return this.#bytes;
  }

  /** What makes the file a complete chunk. Throws `InvalidArgument` when it is empty. */
  complete(): ChunkCompletion {
    if (this.#positions.length === 0)
      throw new LedgerError('InvalidArgument', `chunk from ${this.start} is empty`);
    const table = tableOf(this.#positions);
    const header = new Uint8Array(chunkHeaderBytes);
    writeU64(new DataView(header.buffer), 0, this.#bytes);
    const name = chunkName({ start: this.start, end: this.last, recovery: this.recovery });
    return { table, header, name };
  }
}

/**
 * Reads the entries of a chunk file in order. The name tells the seqnos; each entry's own header must agree.
 * In an open chunk a torn last write is a value, and then the last one. Everything else that does not fit
 * throws `MalformedChunk` with the offset in the file.
 */
export function* readChunk(bytes: Uint8Array, name: ChunkName): Generator<ChunkEntry | TornWrite> {
  if (bytes.length < chunkHeaderBytes) {
    if (name.end !== undefined) throw malformed('file is too short to be complete', bytes.length);
    // Not even the header was written: the file is to be started afresh.
    yield { kind: 'torn', offset: 0, of: 'entry' };
    return;
  }
  const tableAt = readTableOffset(bytes);
  if (tableAt === 0 && name.end !== undefined)
    throw malformed('file named as complete has no positions table', 0);
  const end = tableAt === 0 ? bytes.length : tableAt;
  const table = tableAt === 0 ? undefined : readTable(bytes, tableAt, name);
  const positions: number[] = [];
  let seqno = name.start;
  let offset = chunkHeaderBytes;
  for (; offset < end; seqno++) {
    const of = table === undefined ? tornAt(bytes, offset, seqno, positions) : undefined;
    if (of !== undefined) {
      yield { kind: 'torn', offset, of };
      return;
    }
    positions.push(offset);
    if (table !== undefined) checkPosition(table, seqno - name.start, offset);
    const entry = readEntry(bytes.subarray(0, end), offset, seqno);
    yield entry;
    offset += entry.bytes.length;
  }
  if (table !== undefined && seqno - name.start !== table.length) {
    throw malformed(`positions table has ${table.length} entries, the file ${seqno - name.start}`, tableAt);
  }
}

function readEntry(bytes: Uint8Array, offset: number, seqno: number): ChunkEntry {
  const frame = readFrameInChunk(bytes, offset);
  if (frame.seqno !== seqno || frame.snapshot) {
    throw malformed(`entry ${frame.seqno} stands where ${seqno} belongs`, offset);
  }
  return { kind: 'entry', seqno, offset, bytes: bytes.subarray(offset, offset + frame.length) };
}

function readFrameInChunk(bytes: Uint8Array, offset: number) {
  try {
    return readFrame(bytes, offset);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new LedgerError('MalformedChunk', `chunk: ${cause.message}`, {
      offset: cause.offset ?? offset,
      cause,
    });
  }
}

/** What of an open chunk is torn at `offset`, behind the entries that begin at `positions`; undefined if nothing is. */
function tornAt(bytes: Uint8Array, offset: number, seqno: number, positions: readonly number[]) {
  if (isBeginningOfTable(bytes, offset, positions)) return 'table';
  return isTornEntry(bytes, offset, seqno) ? 'entry' : undefined;
}

/** No entry begins as a table does: with the position of the first entry, where an entry has its format. */
function isBeginningOfTable(bytes: Uint8Array, from: number, positions: readonly number[]): boolean {
  const rest = bytes.length - from;
  if (rest > positions.length * positionBytes || bytes[from] !== chunkHeaderBytes) return false;
  const table = tableOf(positions);
  return bytes.subarray(from).every((byte, i) => byte === table[i]);
}

/**
 * An entry whose bytes end before it does: a write cut short, or one that left only zeros behind. One that
 * belies its place is no torn write but damage, and readEntry says so.
 */
function isTornEntry(bytes: Uint8Array, offset: number, seqno: number): boolean {
  const rest = bytes.length - offset;
  const length = frameLength(bytes, offset);
  if (length === undefined || isZero(bytes, offset)) return true;
  if (length <= rest) return false;
  // Seqno of the IV, when that much was written.
  if (rest < headerBytes + 24) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, rest);
  return Number(view.getBigUint64(headerBytes + 16, true)) === seqno;
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

function tableOf(positions: readonly number[]): Uint8Array {
  const table = new Uint8Array(positionBytes * positions.length);
  const view = new DataView(table.buffer);
  for (const [i, position] of positions.entries()) view.setUint32(i * positionBytes, position, true);
  return table;
}

function readTableOffset(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, chunkHeaderBytes);
  const offset = Number(view.getBigUint64(0, true));
  if (offset === 0) return 0;
  if (offset < chunkHeaderBytes || offset > bytes.length)
    throw malformed(`positions table at ${offset} is not in the file`, 0);
  return offset;
}

function readTable(
  bytes: Uint8Array,
  at: number,
  name: ChunkName,
): { length: number; at(i: number): number } {
  const size = bytes.length - at;
  const length = size / positionBytes;
  if (!Number.isInteger(length)) throw malformed(`positions table of ${size} bytes`, at);
  if (name.end !== undefined && length !== name.end - name.start + 1) {
    throw malformed(`positions table has ${length} entries, the name says ${name.end - name.start + 1}`, at);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, size);
  return { length, at: (i) => view.getUint32(i * positionBytes, true) };
}

function checkPosition(table: { length: number; at(i: number): number }, i: number, offset: number): void {
  if (i >= table.length || table.at(i) !== offset) {
    throw malformed(`entry ${i} of the chunk is not where the positions table says`, offset);
  }
}

function malformed(what: string, offset: number): LedgerError {
  return new LedgerError('MalformedChunk', `chunk: ${what} (offset ${offset})`, { offset });
}

import { closeSync, fstatSync } from 'node:fs';
import { chunkHeaderBytes } from '@coco/ledger';
import { type CompleteChunk, checkEntry, damaged } from './chunk-file.ts';
import { openFile, readFully } from './durable.ts';

const positionBytes = 4;

/** Which entries are wanted; `budget.bytes` is lessened by what is read. */
export interface ReadRequest {
  readonly from: number;
  readonly to: number;
  readonly budget: { bytes: number };
  /** All of the file is read whatever is wanted, so that nobody who watches the disk learns what that was. */
  readonly whole?: boolean;
}

/** Bytes of a file, from a place on. */
type ReadAt = (from: number, length: number) => Promise<Buffer>;

/** A chunk's book, and the entries asked for. */
export interface ChunkContent {
  readonly positions: readonly number[];
  /** Bytes up to the end of the last entry. */
  readonly size: number;
  readonly entries: readonly Uint8Array[];
}

/**
 * Reads from a complete chunk.
 * @throws HostError `Ledger` naming file and offset where an entry is not what its place promises
 */
export async function readCompleteChunk(chunk: CompleteChunk, request?: ReadRequest): Promise<ChunkContent> {
  const fd = await openFile(chunk.path, 'r');
  try {
    const readAt = await readerOf(fd, chunk.path, request?.whole);
    const header = await readAt(0, chunkHeaderBytes);
    const size = Number(header.readBigUInt64LE(0));
    const tableBytes = (chunk.end - chunk.start + 1) * positionBytes;
    if (size + tableBytes !== fstatSync(fd).size) {
      throw damaged(chunk.path, 0, 'the header does not point at the positions of the entries');
    }
    const table = await readAt(size, tableBytes);
    const positions: number[] = [];
    for (let i = 0; i < tableBytes; i += positionBytes) positions.push(table.readUInt32LE(i));
    const open = { path: chunk.path, start: chunk.start, positions, size };
    return { positions, size, entries: request ? await readEntries(readAt, open, request) : [] };
  } finally {
    closeSync(fd);
  }
}

/** The book of a chunk, from which entries can be found. */
interface ChunkBook {
  readonly path: string;
  readonly start: number;
  readonly positions: readonly number[];
  readonly size: number;
}

/** Reads from the chunk that is being written, by the book kept of it. */
export async function readOpenChunk(chunk: ChunkBook, request: ReadRequest): Promise<readonly Uint8Array[]> {
  const fd = await openFile(chunk.path, 'r');
  try {
    return await readEntries(await readerOf(fd, chunk.path, request.whole), chunk, request);
  } finally {
    closeSync(fd);
  }
}

async function readEntries(
  readAt: ReadAt,
  chunk: ChunkBook,
  request: ReadRequest,
): Promise<readonly Uint8Array[]> {
  const { positions, start, path } = chunk;
  const endOf = (i: number) => positions[i + 1] ?? chunk.size;
  const first = request.from - start;
  const begin = positions[first];
  if (begin === undefined) return [];
  let last = first;
  while (
    last + 1 < positions.length &&
    start + last < request.to &&
    endOf(last + 1) - begin <= request.budget.bytes
  ) {
    last += 1;
  }
  for (let i = first; i <= last; i += 1) {
    if (endOf(i) <= positions[i]! || endOf(i) > chunk.size) {
      throw damaged(path, positions[i]!, `entry ${start + i} would end at ${endOf(i)}`);
    }
  }
  const length = endOf(last) - begin;
  request.budget.bytes -= length;
  const bytes = await readAt(begin, length);
  return positions.slice(first, last + 1).map((position, i) => {
    const entry = bytes.subarray(position - begin, endOf(first + i) - begin);
    checkEntry(path, position, entry, start + first + i);
    return new Uint8Array(entry.buffer, entry.byteOffset, entry.length);
  });
}

/** Reads throw HostError `Ledger` when the file ends before. */
async function readerOf(fd: number, path: string, whole = false): Promise<ReadAt> {
  const all = whole ? await readFully(fd, { from: 0, length: fstatSync(fd).size }) : undefined;
  return async (from, length) => {
    const bytes = all?.subarray(from, from + length) ?? (await readFully(fd, { from, length }));
    if (bytes.length < length) throw damaged(path, from + bytes.length, 'the file ends early');
    return bytes;
  };
}

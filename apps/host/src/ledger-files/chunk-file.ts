import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { type ChunkName, chunkHeaderBytes, LedgerError, readChunk, type TornWrite } from '@coco/ledger';
import { HostError } from '../errors.ts';

const positionBytes = 4;

/** A complete chunk on disk. */
export interface CompleteChunk {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly committed: boolean;
  readonly writable: boolean;
}

/** What was found of a chunk that is still being written. */
export interface OpenChunk {
  readonly path: string;
  readonly start: number;
  /** Where each entry begins. */
  readonly positions: readonly number[];
  /** Bytes that hold whole entries; more than this is a write that was cut short. */
  readonly size: number;
  /** Bytes of the file beyond `size`. */
  readonly excess: number;
  /** Its positions table and header are in place: only its name is not. */
  readonly complete: boolean;
}

/** A refusal that names the file and the place in it. */
export function damaged(path: string, offset: number, what: string): HostError {
  const advice = 'the file is damaged: restore it from a copy, or recover from an earlier one';
  return new HostError('Ledger', `${path}: offset ${offset}: ${what}; ${advice}`);
}

/**
 * Checks that the positions table of a complete chunk is where its header says and as long as its name says.
 * What the entries hold is checked when they are read.
 * @throws HostError `Ledger`
 */
export function checkCompleteChunk(chunk: CompleteChunk): void {
  const fd = openSync(chunk.path, 'r');
  try {
    const { size } = fstatSync(fd);
    const table = readTableOffset(fd, chunk.path, size);
    const count = chunk.end - chunk.start + 1;
    if (size - table !== count * positionBytes) {
      const found = `${(size - table) / positionBytes} positions`;
      throw damaged(chunk.path, table, `the table has ${found}, the name says ${count}`);
    }
  } finally {
    closeSync(fd);
  }
}

function readTableOffset(fd: number, path: string, size: number): number {
  if (size < chunkHeaderBytes) throw damaged(path, size, 'the file is too short to be a complete chunk');
  const header = Buffer.alloc(chunkHeaderBytes);
  readSync(fd, header, 0, chunkHeaderBytes, 0);
  const table = header.readBigUInt64LE(0);
  if (table < BigInt(chunkHeaderBytes) || table > BigInt(size)) {
    throw damaged(path, 0, `a complete chunk of ${size} bytes cannot have its positions at ${table}`);
  }
  return Number(table);
}

/**
 * Reads a chunk that was still open when the last daemon ended. A torn write at its end, or a positions table
 * that was not finished, is reported as `excess`.
 * @throws HostError `Ledger` for damage anywhere else
 */
export function inspectOpenChunk(path: string, name: ChunkName): OpenChunk {
  const bytes = readFileSync(path);
  const positions: number[] = [];
  let size = Math.min(chunkHeaderBytes, bytes.length);
  let torn: TornWrite | undefined;
  try {
    for (const found of readChunk(bytes, name)) {
      if (found.kind === 'torn') {
        torn = found;
      } else {
        positions.push(found.offset);
        size = found.offset + found.bytes.length;
      }
    }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw damaged(path, error.offset ?? size, error.message);
  }
  if (torn?.of === 'entry') refuseIfEntriesFollow(path, bytes, torn.offset, name.start + positions.length);
  const complete = torn === undefined && bytes.length > size;
  const whole = complete ? bytes.length : (torn?.offset ?? size);
  return { path, start: name.start, positions, size: whole, excess: bytes.length - whole, complete };
}

/**
 * A write that was cut short is the end of its file. If whole entries follow the place, its bytes were
 * changed later, and cutting there would lose what may have been acknowledged.
 */
function refuseIfEntriesFollow(path: string, bytes: Buffer, from: number, seqno: number): void {
  for (let at = from + 1; at + entryHeadBytes <= bytes.length; at += 1) {
    if (bytes[at] !== 1 || bytes[at + 1]! > 3) continue;
    const length = entryLength(bytes, at);
    if (length < entryHeadBytes || at + length > bytes.length) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, entryHeadBytes);
    const found = Number(view.getBigUint64(seqnoOffset, true));
    if (found > seqno && found <= seqno + bytes.length / entryHeadBytes) {
      throw damaged(path, from, `entry ${seqno} is unreadable, but entry ${found} follows at ${at}`);
    }
  }
}

/** Of the frame of an entry: what precedes its public part, and where in that its seqno stands. */
const entryHeadBytes = 44;
const seqnoOffset = 24;

/** Bytes of an entry by its own account: a 48-bit count of what follows the first eight. */
function entryLength(bytes: Uint8Array, at: number): number {
  return 8 + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUIntLE(at + 2, 6);
}

/** Checks that an entry read from a file is the one its place promises. */
export function checkEntry(path: string, offset: number, bytes: Uint8Array, seqno: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fits = bytes.length >= entryHeadBytes && bytes[0] === 1 && entryLength(bytes, 0) === bytes.length;
  if (!fits || view.getBigUint64(seqnoOffset, true) !== BigInt(seqno)) {
    throw damaged(path, offset, `there is no entry ${seqno} of ${bytes.length} bytes in ${basename(path)}`);
  }
}

import { LedgerError } from './errors.ts';
import { entryBytesMax } from './limits.ts';

/*
 * The frame around every entry and snapshot:
 *   0 version u8, 1 flags u8, 2 size u48, 8 GCM tag, 24 IV (seqno u64, view u32),
 *   36 length of the public domain u64, 44 public domain, private domain
 * All numbers little-endian. `size` counts what follows the first eight bytes.
 */

/** Version, flags and size. */
export const headerBytes = 8;
/** Where the GCM tag is. */
export const tagOffset = 8;
/** Length of the GCM tag. */
export const tagBytes = 16;
/** Where the initialisation vector is. */
export const ivOffset = 24;
/** Length of the initialisation vector. */
export const ivBytes = 12;
/** Where the length of the public domain is. */
export const publicLengthOffset = 36;
/** Where the public domain begins; the private one follows it. */
export const publicOffset = 44;

const formatVersion = 1;
const snapshotBit = 0x8000_0000;
const viewMax = 0x7fff_ffff;

/** Flags of an entry. */
export const entryFlags = { forceChunkAfter: 0x01, forceChunkBefore: 0x02 } as const;
const knownFlags = entryFlags.forceChunkAfter | entryFlags.forceChunkBefore;

/** What the frame says. */
export interface Frame {
  readonly flags: number;
  /** Bytes of the whole entry, its header included. */
  readonly length: number;
  readonly seqno: number;
  readonly view: number;
  readonly snapshot: boolean;
  readonly publicLength: number;
}

/** Writes an unsigned number below 2^53 as u64. */
export function writeU64(target: DataView, offset: number, value: number): void {
  target.setUint32(offset, value, true); // modulo 2^32
  target.setUint32(offset + 4, value / 2 ** 32, true);
}

/**
 * Writes the initialisation vector. Unique per key: a seqno is used once in a view, snapshots have their own
 * bit.
 */
export function writeIv(
  target: DataView,
  offset: number,
  txId: { seqno: number; view: number; snapshot: boolean },
): void {
  if (txId.view > viewMax) throw new LedgerError('LimitExceeded', `view ${txId.view} exceeds 31 bits`);
  writeU64(target, offset, txId.seqno);
  target.setUint32(offset + 8, txId.snapshot ? txId.view + snapshotBit : txId.view, true);
}

/** Writes everything but the tag. */
export function writeFrame(target: DataView, at: number, frame: Frame): void {
  const size = frame.length - headerBytes;
  target.setUint8(at, formatVersion);
  target.setUint8(at + 1, frame.flags);
  target.setUint32(at + 2, size, true);
  target.setUint16(at + 6, size / 2 ** 32, true);
  writeIv(target, at + ivOffset, frame);
  writeU64(target, at + publicLengthOffset, frame.publicLength);
}

/**
 * Bytes of the entry that begins at `at`, header included; undefined when fewer than eight bytes are there.
 */
export function frameLength(bytes: Uint8Array, at: number): number | undefined {
  if (bytes.length - at < headerBytes) return undefined;
  let size = 0;
  for (let i = 5; i >= 0; i--) size = size * 256 + bytes[at + 2 + i]!;
  return headerBytes + size;
}

/**
 * Reads and checks the frame of an entry or snapshot that begins at `at`. Throws `MalformedEntry` with the
 * offset.
 */
export function readFrame(bytes: Uint8Array, at: number, bytesMax: number = entryBytesMax): Frame {
  const fail = (what: string, offset: number): never => {
    throw new LedgerError('MalformedEntry', `${what} at offset ${offset}`, { offset });
  };
  const length = frameLength(bytes, at);
  if (length === undefined) return fail('entry header runs past the end', at);
  if (bytes[at] !== formatVersion) return fail(`entry format ${bytes[at]} is not ${formatVersion}`, at);
  const flags = bytes[at + 1]!;
  if ((flags & ~knownFlags) !== 0) return fail(`unknown entry flags 0x${flags.toString(16)}`, at + 1);
  if (length < publicOffset || length > bytesMax) return fail(`entry of ${length} bytes`, at + 2);
  if (length > bytes.length - at) return fail(`entry of ${length} bytes runs past the end`, at + 2);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, publicOffset);
  const seqno = readU64(view, ivOffset);
  const rawView = view.getUint32(ivOffset + 8, true);
  const publicLength = readU64(view, publicLengthOffset);
  if (seqno === undefined) return fail('seqno exceeds 2^53 - 1', at + ivOffset);
  if (publicLength === undefined || publicLength > length - publicOffset) {
    return fail('public domain runs past the end of its entry', at + publicLengthOffset);
  }
  const snapshot = rawView >= snapshotBit;
  return { flags, length, seqno, view: snapshot ? rawView - snapshotBit : rawView, snapshot, publicLength };
}

function readU64(view: DataView, offset: number): number | undefined {
  const high = view.getUint32(offset + 4, true);
  return high > 0x1fffff ? undefined : high * 2 ** 32 + view.getUint32(offset, true);
}

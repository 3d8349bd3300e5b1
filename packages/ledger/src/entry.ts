import { aesGcmOpen, aesGcmSeal, sha256ByteString, toHex } from '@coco/crypto';
import { type ByteString, byteStringToBytes, type WriteSet } from '@coco/kv';
import { ByteReader } from './byte-reader.ts';
import { domainBytes, readDomain, type Target, writeDomain } from './domain.ts';
import { LedgerError } from './errors.ts';
import {
  type Frame,
  ivBytes,
  ivOffset,
  publicOffset,
  readFrame,
  tagBytes,
  tagOffset,
  writeFrame,
  writeIv,
  writeU64,
} from './frame.ts';
import { writeLatin1 } from './latin1.ts';
import { entryBytesMax, slabBytes } from './limits.ts';
import type { LedgerSecrets } from './secrets.ts';
import { formatTxId, type TxId } from './tx-id.ts';

/** What the first byte of a public domain says. New entries are always `evidenceAndClaims`. */
export const entryTypes = { writeSet: 0, snapshot: 1, claims: 2, evidence: 3, evidenceAndClaims: 4 } as const;

/** The claims digest of a transaction that claims nothing. */
export const noClaims: ByteString = '\0'.repeat(32);

/** A transaction about to be written. Flags are those of `entryFlags`. */
export interface EntryToSeal {
  readonly view: number;
  readonly seqno: number;
  readonly writeSet: WriteSet;
  /** 32 bytes. */
  readonly claimsDigest?: ByteString | undefined;
  readonly flags?: number;
}

/** An entry as it goes into the ledger, with the pieces of its leaf. */
export interface SealedEntry {
  /**
   * Exactly the bytes on disk. A window on a slab of `slabBytes` that it shares with its neighbours: to hand
   * it to another thread by transfer, copy it first.
   */
  readonly bytes: Uint8Array;
  readonly writeSetDigest: ByteString;
  /** `ce:<view>.<seqno>:<nonce>`. Not to be revealed before the entry is committed. */
  readonly commitEvidence: string;
  readonly claimsDigest: ByteString;
  readonly leaf: ByteString;
}

/** An entry read back. */
export interface DecodedEntry {
  readonly view: number;
  readonly seqno: number;
  readonly type: number;
  readonly flags: number;
  readonly claimsDigest: ByteString;
  /** Undefined only for the oldest type of entry. */
  readonly commitEvidenceDigest: ByteString | undefined;
  /** Public maps, and private ones if secrets were given. */
  readonly writeSet: WriteSet;
  readonly writeSetDigest: ByteString;
  readonly leaf: ByteString;
}

const digestBytes = 32;
/** Type, version, claims digest, commit evidence digest, max conflict version. */
const publicHeaderBytes = 1 + 8 + digestBytes + digestBytes + 8;

const nothing = new Uint8Array(0);
const iv = new Uint8Array(ivBytes);
const ivView = new DataView(iv.buffer);
const leafInput = new Uint8Array(3 * digestBytes);

/** Where entries are laid out, one behind the other: no copy, and no allocation for most of them. */
let slab: Target = newTarget(slabBytes);
let slabUsed = 0;

function newTarget(size: number): Target {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** What `subarray` gives, at half its cost. */
function windowOn({ bytes }: Target, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, start, end - start);
}

/** Room for `size` bytes. What does not fit comfortably in a slab gets an array of its own. */
function reserve(size: number): { target: Target; at: number } {
  if (size > slabBytes / 4) return { target: newTarget(size), at: 0 };
  if (slabUsed + size > slabBytes) {
    slab = newTarget(slabBytes);
    slabUsed = 0;
  }
  const at = slabUsed;
  slabUsed += size;
  return { target: slab, at };
}

/**
 * The evidence revealed in receipts of a transaction: known before commit only to those who hold the ledger
 * secret. Throws `MissingSecret`.
 */
export function commitEvidence(txId: TxId, secrets: LedgerSecrets): string {
  return evidenceOf(txId, secrets.keyFor(txId.seqno).commitNonces.digitsOf(txId));
}

/**
 * The evidence of an entry read back, also of one that CCF wrote, whose nonces are made in another way.
 * Throws `VerificationFailed` when it is neither, `MissingSecret` when the secret of that time is not known.
 */
export function revealCommitEvidence(
  entry: TxId & { readonly commitEvidenceDigest: ByteString | undefined },
  secrets: LedgerSecrets,
): string {
  const { commitNonces, ccfCommitSecret } = secrets.keyFor(entry.seqno);
  const ours = evidenceOf(entry, commitNonces.digitsOf(entry));
  if (sha256ByteString(ours) === entry.commitEvidenceDigest) return ours;
  const digits = toHex(byteStringToBytes(ccfCommitSecret.sign(formatTxId(entry))));
  const ccfs = evidenceOf(entry, digits);
  if (sha256ByteString(ccfs) === entry.commitEvidenceDigest) return ccfs;
  const name = formatTxId(entry);
  throw new LedgerError('VerificationFailed', `commit evidence of ${name} is not of its ledger secret`);
}

function evidenceOf(txId: TxId, nonceDigits: string): string {
  return `ce:${txId.view}.${txId.seqno}:${nonceDigits}`;
}

/** The leaf of the Merkle tree: SHA-256 of the three digests. */
export function leafOf(
  writeSetDigest: ByteString,
  evidenceDigest: ByteString,
  claimsDigest: ByteString,
): ByteString {
  if (writeSetDigest.length + evidenceDigest.length + claimsDigest.length !== leafInput.length) {
    throw new LedgerError('InvalidArgument', `a leaf is made of three digests of ${digestBytes} bytes`);
  }
  writeLatin1(leafInput, 0, writeSetDigest);
  writeLatin1(leafInput, digestBytes, evidenceDigest);
  writeLatin1(leafInput, 2 * digestBytes, claimsDigest);
  return sha256ByteString(leafInput);
}

/**
 * Serialises, encrypts and digests one transaction. Throws `MissingSecret`, `LimitExceeded`,
 * `InvalidArgument`.
 */
export function encodeEntry(tx: EntryToSeal, secrets: LedgerSecrets): SealedEntry {
  const publicLength = publicHeaderBytes + domainBytes(tx.writeSet, true);
  const length = publicOffset + publicLength + domainBytes(tx.writeSet, false);
  checkLength(length, tx);
  const { target, at } = reserve(length);
  return sealAt(target, at, tx, { length, publicLength }, secrets);
}

/**
 * Several transactions, laid out back to back in `bytes`: one write to the file, one message to a follower.
 * It costs as much per entry as `encodeEntry`; what it saves is putting the entries together afterwards.
 */
export function encodeEntries(
  txs: readonly EntryToSeal[],
  secrets: LedgerSecrets,
): { bytes: Uint8Array; entries: SealedEntry[] } {
  const sizes = txs.map((tx) => {
    const publicLength = publicHeaderBytes + domainBytes(tx.writeSet, true);
    const length = publicOffset + publicLength + domainBytes(tx.writeSet, false);
    checkLength(length, tx);
    return { length, publicLength };
  });
  const total = sizes.reduce((sum, { length }) => sum + length, 0);
  const { target, at } = reserve(total);
  let end = at;
  const entries = txs.map((tx, i) => {
    const entry = sealAt(target, end, tx, sizes[i]!, secrets);
    end += sizes[i]!.length;
    return entry;
  });
  return { bytes: windowOn(target, at, end), entries };
}

/** Bytes of the entry that a write set becomes. */
export function entryLength(writeSet: WriteSet): number {
  return publicOffset + publicHeaderBytes + domainBytes(writeSet, true) + domainBytes(writeSet, false);
}

function checkLength(length: number, tx: TxId): void {
  if (length <= entryBytesMax) return;
  throw new LedgerError(
    'LimitExceeded',
    `entry ${tx.view}.${tx.seqno} of ${length} bytes exceeds ${entryBytesMax}`,
  );
}

function sealAt(
  target: Target,
  at: number,
  tx: EntryToSeal,
  size: { length: number; publicLength: number },
  secrets: LedgerSecrets,
): SealedEntry {
  const { view, seqno } = tx;
  const { length, publicLength } = size;
  const claimsDigest = tx.claimsDigest ?? noClaims;
  if (claimsDigest.length !== digestBytes) {
    throw new LedgerError(
      'InvalidArgument',
      `claims digest of ${claimsDigest.length} bytes: expected ${digestBytes}`,
    );
  }
  const evidence = commitEvidence(tx, secrets);
  const evidenceDigest = sha256ByteString(evidence);

  writeFrame(target.view, at, { flags: tx.flags ?? 0, length, seqno, view, snapshot: false, publicLength });
  const publicAt = at + publicOffset;
  writePublicHeader(target, publicAt, seqno, claimsDigest, evidenceDigest);
  const publicEnd = writeDomain(target, publicAt + publicHeaderBytes, tx.writeSet, true);
  const end = writeDomain(target, publicEnd, tx.writeSet, false);
  if (end !== at + length)
    throw new Error(`entry ${view}.${seqno}: counted ${length} bytes, wrote ${end - at}`);

  writeIv(ivView, 0, { seqno, view, snapshot: false });
  const plaintext = end === publicEnd ? nothing : windowOn(target, publicEnd, end);
  const aad = windowOn(target, publicAt, publicEnd);
  const { ciphertext, tag } = aesGcmSeal(secrets.keyFor(seqno).key, iv, plaintext, aad);
  if (ciphertext.length > 0) target.bytes.set(ciphertext, publicEnd);
  target.bytes.set(tag, at + tagOffset);

  const bytes = windowOn(target, at, end);
  const writeSetDigest = sha256ByteString(bytes);
  const leaf = leafOf(writeSetDigest, evidenceDigest, claimsDigest);
  return { bytes, writeSetDigest, commitEvidence: evidence, claimsDigest, leaf };
}

function writePublicHeader(
  target: Target,
  at: number,
  seqno: number,
  claimsDigest: ByteString,
  evidenceDigest: ByteString,
): void {
  target.view.setUint8(at, entryTypes.evidenceAndClaims);
  writeU64(target.view, at + 1, seqno);
  writeLatin1(target.bytes, at + 9, claimsDigest);
  writeLatin1(target.bytes, at + 41, evidenceDigest);
  writeU64(target.view, at + 73, 0); // max conflict version: reserved
}

/**
 * Reads one entry, which must be all of `bytes`. Without secrets the private maps are left out, and the
 * private part is vouched for only by the leaf. Throws `MalformedEntry` with an offset, `MissingSecret`,
 * `DecryptionFailed`.
 */
export function decodeEntry(bytes: Uint8Array, secrets?: LedgerSecrets): DecodedEntry {
  const frame = readFrame(bytes, 0);
  if (frame.length !== bytes.length) {
    const offset = frame.length;
    throw new LedgerError('MalformedEntry', `${bytes.length - offset} bytes after the entry's end`, {
      offset,
    });
  }
  const publicEnd = publicOffset + frame.publicLength;
  const publicDomain = bytes.subarray(publicOffset, publicEnd);
  const reader = new ByteReader(publicDomain, { code: 'MalformedEntry', base: publicOffset });
  const header = readPublicHeader(reader, frame);
  const writeSet: WriteSet = new Map();
  readDomain(reader, writeSet, true);
  if (secrets !== undefined) {
    const plaintext = openPrivateDomain(bytes, frame, secrets);
    // Offsets in the ciphertext are those in the plaintext.
    readDomain(new ByteReader(plaintext, { code: 'MalformedEntry', base: publicEnd }), writeSet, false);
  }
  const writeSetDigest = sha256ByteString(bytes);
  const { type, claimsDigest, commitEvidenceDigest } = header;
  const leaf = leafOfType(type, writeSetDigest, commitEvidenceDigest, claimsDigest);
  const { view, seqno, flags } = frame;
  return { view, seqno, type, flags, claimsDigest, commitEvidenceDigest, writeSet, writeSetDigest, leaf };
}

/**
 * Adds the private maps to an entry that was read without secrets, and so verifies that its author holds the ledger
 * secret of its time. Throws `MissingSecret`, `DecryptionFailed`, `MalformedEntry`.
 */
export function revealPrivatePart(entry: DecodedEntry, bytes: Uint8Array, secrets: LedgerSecrets): void {
  const frame = readFrame(bytes, 0);
  const plaintext = openPrivateDomain(bytes, frame, secrets);
  const base = publicOffset + frame.publicLength;
  readDomain(new ByteReader(plaintext, { code: 'MalformedEntry', base }), entry.writeSet, false);
}

/** Whether an entry has anything that is encrypted. */
export function hasPrivatePart(bytes: Uint8Array): boolean {
  const { publicLength, length } = readFrame(bytes, 0);
  return publicOffset + publicLength < length;
}

interface PublicHeader {
  readonly type: number;
  readonly claimsDigest: ByteString;
  readonly commitEvidenceDigest: ByteString | undefined;
}

function readPublicHeader(reader: ByteReader, frame: Frame): PublicHeader {
  const type = reader.u8('entry type');
  const { writeSet, evidence, evidenceAndClaims } = entryTypes;
  if (frame.snapshot || (type !== writeSet && type !== evidence && type !== evidenceAndClaims)) {
    reader.fail(`entry of type ${type}${frame.snapshot ? ' with the snapshot bit' : ''}`);
  }
  if (reader.u64('seqno') !== frame.seqno)
    reader.fail(`seqno is not the ${frame.seqno} of the entry's header`);
  const claimsDigest =
    type === evidenceAndClaims ? reader.byteString(digestBytes, 'claims digest') : noClaims;
  const commitEvidenceDigest =
    type === writeSet ? undefined : reader.byteString(digestBytes, 'commit evidence digest');
  reader.skip(8, 'max conflict version');
  return { type, claimsDigest, commitEvidenceDigest };
}

/** Entries from before commit evidence and claims have shorter leaves. */
function leafOfType(
  type: number,
  writeSetDigest: ByteString,
  evidenceDigest: ByteString | undefined,
  claimsDigest: ByteString,
): ByteString {
  if (evidenceDigest === undefined) return writeSetDigest;
  if (type === entryTypes.evidence) return sha256ByteString(writeSetDigest + evidenceDigest);
  return leafOf(writeSetDigest, evidenceDigest, claimsDigest);
}

/** Decrypts the private part of an entry or snapshot whose frame has been read. */
export function openPrivateDomain(bytes: Uint8Array, frame: Frame, secrets: LedgerSecrets): Uint8Array {
  // A service that was never opened has nothing private to lose but its secret.
  if (secrets.isLost(frame.seqno)) return nothing;
  const publicEnd = publicOffset + frame.publicLength;
  try {
    return aesGcmOpen(
      secrets.keyFor(frame.seqno).key,
      bytes.subarray(ivOffset, ivOffset + ivBytes),
      bytes.subarray(publicEnd, frame.length),
      bytes.subarray(publicOffset, publicEnd),
      bytes.subarray(tagOffset, tagOffset + tagBytes),
    );
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    const name = `${frame.view}.${frame.seqno}`;
    throw new LedgerError(
      'DecryptionFailed',
      `private part of ${name} does not open under its ledger secret`,
      {
        offset: publicEnd,
        cause,
      },
    );
  }
}

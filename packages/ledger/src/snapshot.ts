import { aesGcmSeal, sha256ByteString, toHex } from '@coco/crypto';
import {
  type ByteString,
  byteStringToBytes,
  type MapName,
  type ReadableMapState,
  type Row,
  type WriteSet,
} from '@coco/kv';
import { ByteReader } from './byte-reader.ts';
import { mapNameBytes } from './domain.ts';
import { entryTypes, openPrivateDomain } from './entry.ts';
import { LedgerError } from './errors.ts';
import {
  type Frame,
  ivBytes,
  ivOffset,
  publicOffset,
  readFrame,
  tagOffset,
  writeFrame,
  writeU64,
} from './frame.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { History } from './history.ts';
import { writeLatin1 } from './latin1.ts';
import { snapshotBytesMax, viewsMax } from './limits.ts';
import { type VerifiedReceipt, verifyReceipt } from './receipt.ts';
import type { LedgerSecrets } from './secrets.ts';
import { parseRootSignature } from './signature.ts';
import { isPublic, singletonKey, tables } from './tables.ts';
import { formatTxId, type TxId } from './tx-id.ts';

/** What a snapshot is made of. It is taken at a signature, whose own write set holds the tree before it. */
export interface SnapshotContent {
  /** The signature transaction. */
  readonly txId: TxId;
  /** Leaf of that transaction. */
  readonly leaf: ByteString;
  /** Starts of views 1, 2, ... up to that transaction. */
  readonly viewHistory: readonly number[];
  /** All maps at that version. */
  readonly state: ReadableMapState;
  /** How many bytes it will be, about. Absent: unknown. */
  readonly expectedBytes?: number;
}

/** A snapshot's entry part. The receipt of its evidence is appended once that is committed. */
export interface SealedSnapshot {
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`: the claims digest of the evidence transaction. */
  readonly digest: ByteString;
}

const hashBytes = 32;
/** Keys and values are padded to this. */
const alignment = 8;
const versionBytes = 8;
const nothing = new Uint8Array(0);

/** Makes a snapshot in one go. For large states see `snapshotSteps`. */
export function buildSnapshot(content: SnapshotContent, secrets: LedgerSecrets): SealedSnapshot {
  const steps = snapshotSteps(content, secrets, Number.POSITIVE_INFINITY);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Makes a snapshot a slice at a time: each step lays out about `bytesPerStep`, so that other work can be done
 * in between. The state must stay as it is meanwhile (a kv snapshot does). Encryption and digest are one
 * step, the last.
 */
export function* snapshotSteps(
  content: SnapshotContent,
  secrets: LedgerSecrets,
  bytesPerStep: number,
): Generator<void, SealedSnapshot> {
  const { txId, leaf, viewHistory, state, expectedBytes } = content;
  if (leaf.length !== hashBytes) throw new LedgerError('InvalidArgument', `leaf of ${leaf.length} bytes`);
  if (state.get(tables.tree, singletonKey) === undefined) {
    throw new LedgerError(
      'InvalidArgument',
      `state at ${formatTxId(txId)} holds no Merkle tree: not a signature`,
    );
  }
  const bytes = new GrowingBytes(snapshotBytesMax, expectedBytes);
  bytes.skip(publicOffset);
  bytes.u8(entryTypes.snapshot);
  bytes.u64(txId.seqno);
  bytes.u64(0); // max conflict version: reserved
  bytes.u64(hashBytes);
  bytes.byteString(leaf);
  bytes.u64(8 * viewHistory.length);
  for (const start of viewHistory) bytes.u64(start);
  const maps = [...state.maps()];
  yield* mapSteps(bytes, state, maps.filter(isPublic), bytesPerStep);
  const publicEnd = bytes.length;
  yield* mapSteps(
    bytes,
    state,
    maps.filter((map) => !isPublic(map)),
    bytesPerStep,
  );
  return seal(bytes, publicEnd, txId, secrets);
}

function* mapSteps(
  bytes: GrowingBytes,
  state: ReadableMapState,
  maps: readonly MapName[],
  bytesPerStep: number,
): Generator<void> {
  let next = bytes.length + bytesPerStep;
  for (const map of maps) {
    const name = mapNameBytes(map);
    bytes.u64(name.length);
    bytes.byteString(name);
    const versionAt = bytes.u64(0);
    const sizeAt = bytes.u64(0);
    const start = bytes.length;
    let version = 0;
    for (const row of state.range(map)) {
      writeRow(bytes, row);
      version = Math.max(version, row.version);
      if (bytes.length >= next) {
        yield;
        next = bytes.length + bytesPerStep;
      }
    }
    bytes.patchU64(versionAt, version);
    bytes.patchU64(sizeAt, bytes.length - start);
  }
}

function padded(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}

function writeRow(bytes: GrowingBytes, { key, value, version }: Row): void {
  const valueAt = 8 + padded(key.length);
  const at = bytes.skip(valueAt + 8 + versionBytes + padded(value.length));
  const { target } = bytes;
  writeU64(target.view, at, key.length);
  writeLatin1(target.bytes, at + 8, key);
  writeU64(target.view, at + valueAt, versionBytes + value.length);
  writeU64(target.view, at + valueAt + 8, version);
  writeLatin1(target.bytes, at + valueAt + 8 + versionBytes, value);
}

function seal(bytes: GrowingBytes, publicEnd: number, txId: TxId, secrets: LedgerSecrets): SealedSnapshot {
  const { target, length } = bytes;
  const publicLength = publicEnd - publicOffset;
  writeFrame(target.view, 0, { flags: 0, length, ...txId, snapshot: true, publicLength });
  const { ciphertext, tag } = aesGcmSeal(
    secrets.keyFor(txId.seqno).key,
    target.bytes.slice(ivOffset, ivOffset + ivBytes),
    length === publicEnd ? nothing : target.bytes.subarray(publicEnd, length),
    target.bytes.subarray(publicOffset, publicEnd),
  );
  target.bytes.set(ciphertext, publicEnd);
  target.bytes.set(tag, tagOffset);
  const sealed = target.bytes.subarray(0, length);
  return { bytes: sealed, digest: sha256ByteString(sealed) };
}

/** The write set and claims digest of the transaction that records a snapshot's digest. */
export function snapshotEvidence(
  snapshot: SealedSnapshot,
  seqno: number,
): { writeSet: WriteSet; claimsDigest: ByteString } {
  const value = JSON.stringify({ hash: toHex(byteStringToBytes(snapshot.digest)), version: seqno });
  const writeSet: WriteSet = new Map([[tables.snapshotEvidence, new Map([[singletonKey, value]])]]);
  return { writeSet, claimsDigest: snapshot.digest };
}

/** The two parts of a snapshot file; the receipt is empty while the evidence is not committed. */
export interface SnapshotParts {
  readonly entry: Uint8Array;
  readonly receipt: Uint8Array;
}

/** Splits a snapshot file. Throws `MalformedSnapshot`. */
export function splitSnapshot(bytes: Uint8Array): SnapshotParts {
  const { length } = frameOf(bytes);
  return { entry: bytes.subarray(0, length), receipt: bytes.subarray(length) };
}

/** The state a snapshot restores. */
export interface LoadedSnapshot {
  /** The signature transaction it was taken at. */
  readonly txId: TxId;
  /** Starts of views 1, 2, ... */
  readonly viewHistory: readonly number[];
  /** The Merkle tree, the leaf of `txId` included. */
  readonly history: History;
  /**
   * Maps with their rows, read as they are iterated; for `Store.from`. Private ones only if secrets were
   * given.
   */
  readonly maps: Iterable<[MapName, Iterable<Row>]>;
  /** The rows of one map; none when the snapshot has no such map. */
  rows(map: MapName): Iterable<Row>;
}

/**
 * Verifies a snapshot file against the service certificate one trusts, then reads it. The receipt at its end
 * must claim the digest of the rest. Throws a LedgerError naming the step that refused.
 */
export function loadSnapshot(
  bytes: Uint8Array,
  serviceCertPem: string,
  secrets?: LedgerSecrets,
): LoadedSnapshot & { evidence: VerifiedReceipt & { kind: 'transaction' } } {
  const { entry, receipt } = splitSnapshot(bytes);
  const evidence = verifyReceipt(parseReceiptPart(receipt), serviceCertPem, {
    claimsDigest: sha256ByteString(entry),
  });
  // A claims digest is refused for signature transactions, so this one is not.
  if (evidence.kind !== 'transaction')
    throw new Error('receipt of a signature transaction passed with claims');
  const loaded = readSnapshot(entry, secrets);
  if (evidence.txId.seqno <= loaded.txId.seqno) {
    const names = [formatTxId(evidence.txId), formatTxId(loaded.txId)] as const;
    const message = `evidence ${names[0]} is not after the snapshot ${names[1]}`;
    throw new LedgerError('VerificationFailed', message, { step: 'snapshot-digest' });
  }
  return { ...loaded, evidence };
}

function parseReceiptPart(bytes: Uint8Array): unknown {
  if (bytes.length === 0) {
    throw new LedgerError('VerificationFailed', 'the snapshot has no receipt yet', {
      step: 'snapshot-digest',
    });
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new LedgerError('MalformedReceipt', "the snapshot's receipt is not JSON", { step: 'shape' });
  }
}

/**
 * Reads a snapshot's entry part without asking who vouches for it: for one's own files whose digest is known,
 * and for `loadSnapshot`. Throws `MalformedSnapshot` with an offset, also while rows are iterated.
 */
export function readSnapshot(entry: Uint8Array, secrets?: LedgerSecrets): LoadedSnapshot {
  const frame = frameOf(entry);
  const publicEnd = publicOffset + frame.publicLength;
  const domain = entry.subarray(publicOffset, publicEnd);
  const reader = new ByteReader(domain, { code: 'MalformedSnapshot', base: publicOffset });
  if (reader.u8('entry type') !== entryTypes.snapshot) reader.fail('entry that is not a snapshot');
  if (reader.u64('seqno') !== frame.seqno) reader.fail(`seqno is not the ${frame.seqno} of the header`);
  reader.skip(8, 'max conflict version');
  if (reader.u64('length of leaf') !== hashBytes) reader.fail(`leaf that is not ${hashBytes} bytes`);
  const leaf = reader.byteString(hashBytes, 'leaf');
  const viewHistory = readViewHistory(reader);
  const sections = new Map<MapName, Section>();
  readSections(reader, { domain, base: publicOffset, seqno: frame.seqno, wantPublic: true }, sections);
  if (secrets !== undefined) {
    const plaintext = openPrivateDomain(entry, frame, secrets);
    const inner = new ByteReader(plaintext, { code: 'MalformedSnapshot', base: publicEnd });
    readSections(
      inner,
      { domain: plaintext, base: publicEnd, seqno: frame.seqno, wantPublic: false },
      sections,
    );
  }
  const rows = (map: MapName): Iterable<Row> => {
    const section = sections.get(map);
    return section === undefined ? [] : { [Symbol.iterator]: () => readRows(section) };
  };
  const maps = { [Symbol.iterator]: () => mapIterator(sections.keys(), rows) };
  const history = restoreHistory(rows, leaf, frame.seqno);
  return { txId: { view: frame.view, seqno: frame.seqno }, viewHistory, history, maps, rows };
}

function* mapIterator(
  names: Iterable<MapName>,
  rows: (map: MapName) => Iterable<Row>,
): Generator<[MapName, Iterable<Row>]> {
  for (const name of names) yield [name, rows(name)];
}

function frameOf(bytes: Uint8Array): Frame {
  let frame: Frame;
  try {
    frame = readFrame(bytes, 0, snapshotBytesMax);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    const details = { cause, ...(cause.offset !== undefined && { offset: cause.offset }) };
    throw new LedgerError('MalformedSnapshot', `snapshot: ${cause.message}`, details);
  }
  if (!frame.snapshot)
    throw new LedgerError('MalformedSnapshot', 'entry without the snapshot bit', { offset: ivOffset });
  return frame;
}

function readViewHistory(reader: ByteReader): number[] {
  const bytes = reader.u64('length of view history');
  if (bytes % 8 !== 0 || bytes / 8 > viewsMax) reader.fail(`view history of ${bytes} bytes`);
  const starts: number[] = [];
  for (let i = 0; i < bytes / 8; i++) starts.push(reader.u64('start of a view'));
  return starts;
}

/** Where the rows of one map lie. */
interface Section {
  readonly bytes: Uint8Array;
  readonly base: number;
  readonly seqno: number;
}

function readSections(
  reader: ByteReader,
  {
    domain,
    base,
    seqno,
    wantPublic,
  }: { domain: Uint8Array; base: number; seqno: number; wantPublic: boolean },
  sections: Map<MapName, Section>,
): void {
  while (reader.remaining > 0) {
    const name = reader.sizedText('map name');
    if (isPublic(name) !== wantPublic) reader.fail(`map ${JSON.stringify(name)} is in the wrong domain`);
    if (sections.has(name)) reader.fail(`map ${JSON.stringify(name)} comes twice`);
    reader.skip(8, 'map version');
    const size = reader.u64('size of a map');
    const start = reader.offset;
    reader.skip(size, 'map');
    sections.set(name, { bytes: domain.subarray(start, start + size), base: base + start, seqno });
  }
}

function* readRows({ bytes, base, seqno }: Section): Generator<Row> {
  const reader = new ByteReader(bytes, { code: 'MalformedSnapshot', base });
  while (reader.remaining > 0) {
    const key = reader.sizedByteString('key');
    reader.skip(padded(key.length) - key.length, 'padding');
    const size = reader.u64('length of value');
    if (size < versionBytes) reader.fail(`value of ${size} bytes has no version`);
    const version = reader.i64('version');
    const value = reader.byteString(size - versionBytes, 'value');
    reader.skip(padded(size) - size, 'padding');
    if (Math.abs(version) > seqno) reader.fail(`row of version ${version}, later than the snapshot`);
    // A negative version is a removal that was not yet forgotten.
    if (version >= 0) yield { key, value, version };
  }
}

/** The tree lies in the state as the signature wrote it, one leaf short: the signature's own. */
function restoreHistory(rows: (map: MapName) => Iterable<Row>, leaf: ByteString, seqno: number): History {
  const one = (map: MapName): ByteString => {
    for (const { key, value } of rows(map)) if (key === singletonKey) return value;
    throw new LedgerError('MalformedSnapshot', `snapshot holds nothing in ${map}`);
  };
  const history = History.deserialize(byteStringToBytes(one(tables.tree)));
  if (history.size !== seqno) {
    throw new LedgerError('MalformedSnapshot', `tree of ${history.size} leaves in a snapshot at ${seqno}`);
  }
  if (parseRootSignature(one(tables.signatures)).root !== history.root()) {
    throw new LedgerError('MalformedSnapshot', `tree and signature of the snapshot at ${seqno} differ`, {
      step: 'root',
    });
  }
  history.append(leaf);
  return history;
}

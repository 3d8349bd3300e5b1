import { fromBase64, parseCertificate, sha256ByteString, toBase64, toHex } from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString } from '@coco/kv';
import { type CoseRootFacts, parseCose, verifyCoseRoot } from './cose-signature.ts';
import { inStep, LedgerError } from './errors.ts';
import { isRecord } from './json.ts';
import { coseBytesMax, proofStepsMax } from './limits.ts';
import type { StandingRoot } from './standing-root.ts';
import { formatTxId, parseTxId, type TxId } from './tx-id.ts';

/** Where a transaction stands that was ever undone, and the transaction that brought it there. */
export interface StandingRecord {
  readonly txId: TxId;
  readonly standing: 'undone' | 'restored';
  readonly by: TxId;
}

/** Proof, as JSON, of where a transaction stood when the service signed. */
export interface StandingProof {
  readonly transaction_id: string;
  readonly standing: 'in-force' | 'undone';
  /** The transaction that undid it, or that undid the undo. */
  readonly by?: string;
  /** The signature transaction: whatever is said holds as of it. */
  readonly as_of: string;
  /** Base64 of the COSE_Sign1 of that transaction, its payload detached. */
  readonly signature: string;
  /** Hex, the payload: the root of the ledger. */
  readonly root: string;
  /** The record of the transaction, or those next to where it would be; none when nothing was ever undone. */
  readonly records: readonly ProvenRecord[];
}

/** One record of the tree, with the way up to its root. */
export interface ProvenRecord {
  readonly transaction_id: string;
  readonly standing: 'undone' | 'restored';
  readonly by: string;
  /** Place among the records, from 0. */
  readonly index: number;
  /** Hex, from the leaf upwards. */
  readonly path: readonly string[];
}

/** What a verified proof of standing says. */
export interface VerifiedStanding {
  readonly txId: TxId;
  readonly standing: 'in-force' | 'undone';
  readonly by: TxId | undefined;
  readonly asOf: TxId;
  readonly issuedAtSeconds: number;
}

/**
 * All transactions that were ever undone, in the order of the ledger, as a Merkle tree (RFC 9162, section 2.1).
 * Whatever is not in it is in force.
 */
export class Standings {
  readonly #records: readonly StandingRecord[];
  /** From the leaves upwards; the last level is the root. */
  readonly #levels: readonly (readonly ByteString[])[];

  constructor(records: Iterable<StandingRecord>) {
    this.#records = [...records].sort((a, b) => a.txId.seqno - b.txId.seqno);
    const levels = [this.#records.map(leafOf)];
    for (let level = levels[0]!; level.length > 1; levels.push(level)) level = above(level);
    this.#levels = levels;
  }

  /** What a signature commits to; undefined when nothing was ever undone. */
  get root(): StandingRoot | undefined {
    const root = this.#levels.at(-1)?.[0];
    return root === undefined ? undefined : { count: this.#records.length, root };
  }

  /** The record of a transaction; undefined for one that was never undone. */
  find({ view, seqno }: TxId): StandingRecord | undefined {
    const record = this.#records[this.#placeOf(seqno)];
    return record?.txId.seqno === seqno && record.txId.view === view ? record : undefined;
  }

  /** Proves where a transaction stands; `signature` must carry this root. */
  prove(
    txId: TxId,
    signature: { readonly txId: TxId; readonly cose: Uint8Array; readonly root: ByteString },
  ): StandingProof {
    const place = this.#placeOf(txId.seqno);
    const found = this.#records[place]?.txId.seqno === txId.seqno ? this.#records[place] : undefined;
    const shown = found ? [place] : [place - 1, place].filter((index) => this.#records[index] !== undefined);
    return {
      transaction_id: formatTxId(txId),
      standing: found?.standing === 'undone' ? 'undone' : 'in-force',
      ...(found ? { by: formatTxId(found.by) } : {}),
      as_of: formatTxId(signature.txId),
      signature: toBase64(signature.cose),
      root: hexOf(signature.root),
      records: shown.map((index) => this.#proven(index)),
    };
  }

  /** Where a record of this seqno is, or would be. */
  #placeOf(seqno: number): number {
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#records[middle]!.txId.seqno < seqno) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #proven(index: number): ProvenRecord {
    const { txId, standing, by } = this.#records[index]!;
    const path: string[] = [];
    let at = index;
    for (const level of this.#levels.slice(0, -1)) {
      const sibling = level[at ^ 1];
      if (sibling !== undefined) path.push(hexOf(sibling));
      at >>>= 1;
    }
    return { transaction_id: formatTxId(txId), standing, by: formatTxId(by), index, path };
  }
}

/**
 * Verifies a proof of standing (parsed JSON of any origin) against the service certificate one trusts. That a
 * transaction is in force says that it was not undone, not that there is one of this id: its receipt does. Throws a
 * LedgerError naming the step that refused.
 */
export function verifyStanding(
  proof: unknown,
  serviceCertPem: string,
  expected: { readonly txId?: TxId | undefined } = {},
): VerifiedStanding {
  const parsed = parseProof(proof);
  const { txId, asOf } = parsed;
  if (expected.txId && (expected.txId.seqno !== txId.seqno || expected.txId.view !== txId.view))
    throw refused(`the proof is of ${formatTxId(txId)}, not of ${formatTxId(expected.txId)}`);
  const facts = verifyCoseRoot(
    parseCose(parsed.signature, 'proof of standing'),
    parseCertificate(serviceCertPem).publicKey,
    parsed.root,
  );
  if (facts.txId.seqno !== asOf.seqno || facts.txId.view !== asOf.view)
    throw refused(`the signature is of ${formatTxId(facts.txId)}, not of ${formatTxId(asOf)}`);
  if (txId.seqno > asOf.seqno || txId.view > asOf.view)
    throw refused(`${formatTxId(txId)} came after ${formatTxId(asOf)}, which can say nothing of it`);
  const record = recordIn(parsed, facts);
  const standing = record?.standing === 'undone' ? 'undone' : 'in-force';
  if (
    standing !== parsed.standing ||
    record?.by.seqno !== parsed.by?.seqno ||
    record?.by.view !== parsed.by?.view
  )
    throw refused('it says something else than its records');
  return { txId, standing, by: record?.by, asOf, issuedAtSeconds: facts.issuedAtSeconds };
}

type Parsed = ReturnType<typeof parseProof>;

/** The record of the transaction; undefined when it is proven that there is none. */
function recordIn({ txId, records }: Parsed, { standing }: CoseRootFacts): StandingRecord | undefined {
  if (standing === undefined) {
    if (records.length > 0) throw refused('the signature knows of no undone transaction');
    return undefined;
  }
  for (const each of records) checkRecord(each, standing);
  const [first, second] = records;
  if (first === undefined) throw refused('it shows no record');
  if (records.length === 1 && first.record.txId.seqno === txId.seqno) {
    if (first.record.txId.view !== txId.view) throw refused('the record is of another view');
    return first.record;
  }
  const isLast = first.index === standing.count - 1 && first.record.txId.seqno < txId.seqno;
  const isFirst = first.index === 0 && first.record.txId.seqno > txId.seqno;
  const isBetween =
    second?.index === first.index + 1 &&
    first.record.txId.seqno < txId.seqno &&
    second.record.txId.seqno > txId.seqno;
  if (second === undefined ? isLast || isFirst : isBetween) return undefined;
  throw refused('its records do not show that there is none of the transaction');
}

interface ParsedRecord {
  readonly record: StandingRecord;
  readonly index: number;
  readonly path: readonly ByteString[];
}

function checkRecord({ record, index, path }: ParsedRecord, { count, root }: StandingRoot): void {
  let hash = leafOf(record);
  let [at, last, used] = [index, count - 1, 0];
  if (index >= count) throw refused('a record lies beyond the last one');
  for (; last > 0; at >>>= 1, last >>>= 1) {
    // The last of an odd level has no sibling and moves up as it is.
    if (at === last && at % 2 === 0) continue;
    const sibling = path[used++];
    if (sibling === undefined) throw refused('the way up from a record is too short');
    hash = at % 2 === 1 ? nodeOf(sibling, hash) : nodeOf(hash, sibling);
  }
  if (used !== path.length || hash !== root) throw refused('a record is not among those the service signed');
}

function leafOf({ txId, standing, by }: StandingRecord): ByteString {
  return sha256ByteString(`\x00${formatTxId(txId)} ${standing} ${formatTxId(by)}`);
}

function nodeOf(left: ByteString, right: ByteString): ByteString {
  return sha256ByteString(byteStringToBytes(`\x01${left}${right}`));
}

function above(level: readonly ByteString[]): ByteString[] {
  const next: ByteString[] = [];
  for (let i = 0; i < level.length; i += 2) {
    const [left, right] = [level[i]!, level[i + 1]];
    next.push(right === undefined ? left : nodeOf(left, right));
  }
  return next;
}

const proofFields = ['transaction_id', 'standing', 'by', 'as_of', 'signature', 'root', 'records'];
const recordFields = ['transaction_id', 'standing', 'by', 'index', 'path'];

function parseProof(json: unknown) {
  const fields = fieldsOf(json, proofFields, 'proof of standing');
  const { by, records, signature, standing } = fields;
  if (standing !== 'in-force' && standing !== 'undone') throw malformed('it says no standing');
  if (typeof signature !== 'string' || signature.length > 2 * coseBytesMax)
    throw malformed('it has no signature');
  if (!Array.isArray(records) || records.length > 2) throw malformed('it shows more than two records');
  return {
    txId: txIdOf(fields.transaction_id),
    standing,
    by: by === undefined ? undefined : txIdOf(by),
    asOf: txIdOf(fields.as_of),
    signature: inStep('shape', 'proof of standing', () => fromBase64(signature)),
    root: digestOf(fields.root),
    records: records.map(parseRecord),
  };
}

function parseRecord(json: unknown): ParsedRecord {
  const { by, index, path, standing, transaction_id: id } = fieldsOf(json, recordFields, 'record');
  if (standing !== 'undone' && standing !== 'restored') throw malformed('a record says no standing');
  if (typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0 || index >= 2 ** 31)
    throw malformed('a record has no place');
  if (!Array.isArray(path) || path.length > proofStepsMax) throw malformed('a record has no way up');
  return { record: { txId: txIdOf(id), standing, by: txIdOf(by) }, index, path: path.map(digestOf) };
}

/** Nothing unknown: each proof has one form, so that any change shows. */
function fieldsOf(json: unknown, known: readonly string[], what: string): Record<string, unknown> {
  if (!isRecord(json)) throw malformed(`${what} is not an object`);
  const stranger = Object.keys(json).find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw malformed(`${what} has an unknown field ${JSON.stringify(stranger.slice(0, 64))}`);
  return json;
}

function txIdOf(value: unknown): TxId {
  if (typeof value === 'string' && value.length < 64) {
    const txId = inStep('shape', 'proof of standing', () => parseTxId(value));
    if (formatTxId(txId) === value) return txId;
  }
  throw malformed('it names a transaction in a way that is none');
}

function digestOf(value: unknown): ByteString {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value))
    return bytesToByteString(Uint8Array.fromHex(value));
  throw malformed('a digest is not 64 lower-case hexadecimal digits');
}

function hexOf(bytes: ByteString): string {
  return toHex(byteStringToBytes(bytes));
}

function malformed(message: string): LedgerError {
  return new LedgerError('MalformedReceipt', `proof of standing: ${message}`, { step: 'shape' });
}

function refused(message: string): LedgerError {
  return new LedgerError('VerificationFailed', `proof of standing: ${message}`, { step: 'standing' });
}

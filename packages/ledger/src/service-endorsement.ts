import {
  type CborValue,
  coseLabel,
  fromBase64,
  importPublicKey,
  isCborMap,
  type PrivateKey,
  type PublicKey,
  type Sign1,
  signSign1,
  toBase64,
  verifySign1,
} from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString } from '@coco/kv';
import { ccfClaimsLabel, cwtClaim, parseCose } from './cose-signature.ts';
import { inStep, LedgerError } from './errors.ts';
import { isRecord, parseJson } from './json.ts';
import { serviceEndorsementsMax } from './limits.ts';
import { formatTxId, parseTxId, type TxId } from './tx-id.ts';

/**
 * Map in which each service epoch keeps the endorsement of the one before; its value is an
 * `EndorsementRecord`.
 */
export const endorsementTable = 'public:ccf.internal.previous_service_identity_endorsement';

const epoch = { from: 'epoch.start.txid', to: 'epoch.end.txid', lastRoot: 'epoch.end.merkle.root' } as const;

/** The span of the ledger in which a service identity signed. */
export interface ServiceEpoch {
  readonly from: TxId;
  /** Last signed transaction. Absent only while the epoch lasts: the first service endorses itself so. */
  readonly to?: TxId | undefined;
  /** Merkle root of the last signature. */
  readonly lastRoot?: ByteString | undefined;
}

/** An earlier service identity as a later one endorsed it. */
export interface ServiceEndorsement extends ServiceEpoch {
  readonly endorsedKey: PublicKey;
  readonly issuedAtSeconds: number;
}

/**
 * Endorses an earlier (or, at the first opening, one's own) service identity: COSE_Sign1 over its public key.
 */
export function buildServiceEndorsement(
  endorsed: ServiceEpoch & { readonly endorsedKey: PublicKey },
  serviceKey: PrivateKey,
  nowSeconds: number,
): Uint8Array {
  const claims = new Map<CborValue, CborValue>([[epoch.from, formatTxId(endorsed.from)]]);
  if (endorsed.to !== undefined) claims.set(epoch.to, formatTxId(endorsed.to));
  if (endorsed.lastRoot !== undefined) claims.set(epoch.lastRoot, byteStringToBytes(endorsed.lastRoot));
  const headers = new Map<number | string, CborValue>([
    [coseLabel.cwtClaims, new Map<CborValue, CborValue>([[cwtClaim.issuedAt, nowSeconds]])],
    [ccfClaimsLabel, claims],
  ]);
  return signSign1({ protected: headers, payload: endorsed.endorsedKey.spki }, serviceKey);
}

/** Verifies one endorsement under the key of the later service. Throws naming the step. */
export function verifyServiceEndorsement(bytes: Uint8Array, signer: PublicKey): ServiceEndorsement {
  const message = parseCose(bytes, 'service endorsement');
  const span = readEpoch(message);
  const payload = inStep('service-endorsement', 'service endorsement', () =>
    verifySign1(message, signer, undefined, { understood: [ccfClaimsLabel] }),
  );
  const endorsedKey = inStep('service-endorsement', 'endorsed service key', () => importPublicKey(payload));
  return { endorsedKey, ...span };
}

function readEpoch(message: Sign1): ServiceEpoch & { issuedAtSeconds: number } {
  const cwt = message.protected.get(coseLabel.cwtClaims);
  const ccf = message.protected.get(ccfClaimsLabel);
  const issuedAtSeconds = isCborMap(cwt) ? cwt.get(cwtClaim.issuedAt) : undefined;
  if (!isCborMap(ccf) || typeof issuedAtSeconds !== 'number') {
    throw malformed('has no time or no ccf.v1 claims');
  }
  const to = ccf.get(epoch.to);
  const lastRoot = ccf.get(epoch.lastRoot);
  if (lastRoot !== undefined && !(lastRoot instanceof Uint8Array && lastRoot.length === 32)) {
    throw malformed('names a Merkle root that is not 32 bytes');
  }
  return {
    issuedAtSeconds,
    from: txIdOf(ccf.get(epoch.from)),
    to: to === undefined ? undefined : txIdOf(to),
    lastRoot: lastRoot && bytesToByteString(lastRoot),
  };
}

function txIdOf(value: CborValue): TxId {
  if (typeof value !== 'string') throw malformed('names no transaction where its epoch begins or ends');
  return inStep('shape', 'service endorsement', () => parseTxId(value));
}

/**
 * Verifies endorsements, newest first, from the service key one trusts back in time: each is signed by the
 * key that the one before it endorses, and each epoch ends where the next begins. Answers them in the same
 * order.
 */
export function verifyEndorsementChain(
  endorsements: readonly Uint8Array[],
  trusted: PublicKey,
): ServiceEndorsement[] {
  if (endorsements.length > serviceEndorsementsMax) {
    throw new LedgerError(
      'LimitExceeded',
      `${endorsements.length} endorsements exceed ${serviceEndorsementsMax}`,
    );
  }
  const chain: ServiceEndorsement[] = [];
  let signer = trusted;
  for (const bytes of endorsements) {
    const endorsement = verifyServiceEndorsement(bytes, signer);
    const newer = chain.at(-1);
    if (newer !== undefined) checkConnected(endorsement, newer);
    if (endorsement.to === undefined && endorsement.endorsedKey.id !== signer.id) {
      throw epochError(`epoch from ${formatTxId(endorsement.from)} has no end`);
    }
    if (endorsement.to !== undefined && endorsement.to.seqno < endorsement.from.seqno) {
      throw epochError(`epoch from ${formatTxId(endorsement.from)} ends before it begins`);
    }
    chain.push(endorsement);
    signer = endorsement.endorsedKey;
  }
  return chain;
}

/** A recovery raises the view by two and goes on right after the last signed transaction. */
function checkConnected(older: ServiceEndorsement, newer: ServiceEndorsement): void {
  // The first service's endorsement of itself has no end: it is the newer one's own epoch.
  const own = older.endorsedKey.id === newer.endorsedKey.id;
  const { from } = newer;
  const fits = own
    ? older.to === undefined && older.from.seqno === from.seqno && older.from.view === from.view
    : older.to?.view === from.view - 2 && older.to.seqno === from.seqno - 1;
  if (!fits) throw epochError(`epoch before ${formatTxId(from)} does not end there`);
}

/** The key that signed in the epoch of a seqno: an endorsed one, or the trusted one after all of them. */
export function serviceKeyAt(
  seqno: number,
  chain: readonly ServiceEndorsement[],
  trusted: PublicKey,
): PublicKey {
  const newest = chain.find((endorsement) => endorsement.to !== undefined);
  if (newest === undefined || seqno > newest.to!.seqno) return trusted;
  for (const { from, to, endorsedKey } of chain) {
    if (to !== undefined && from.seqno <= seqno && seqno <= to.seqno) return endorsedKey;
  }
  throw epochError(`no endorsed service identity covers seqno ${seqno}`);
}

/** The value of `endorsementTable`. */
export interface EndorsementRecord {
  readonly endorsement: Uint8Array;
  /** DER of the key that signed it. */
  readonly endorsingKey: Uint8Array;
  readonly from: TxId;
  readonly to?: TxId | undefined;
  /** Version at which the record before this one was written. */
  readonly previousVersion?: number | undefined;
}

/** Writes a record as JSON. */
export function encodeEndorsementRecord(record: EndorsementRecord): ByteString {
  return JSON.stringify({
    endorsement: toBase64(record.endorsement),
    endorsing_key: toBase64(record.endorsingKey),
    endorsement_epoch_begin: formatTxId(record.from),
    endorsement_epoch_end: record.to && formatTxId(record.to),
    previous_version: record.previousVersion,
  });
}

/** Reads a record. Throws `MalformedEndorsement`. */
export function decodeEndorsementRecord(value: ByteString): EndorsementRecord {
  const json = parseJson(value, 'MalformedEndorsement', 'service endorsement record');
  if (!isRecord(json)) throw malformed('record is not an object');
  const { endorsement_epoch_end: to, previous_version: previous } = json;
  if (previous !== undefined && previous !== null && !Number.isSafeInteger(previous)) {
    throw malformed('record has a previous_version that is no version');
  }
  return {
    endorsement: base64Of(json.endorsement),
    endorsingKey: base64Of(json.endorsing_key),
    from: parseTxId(String(json.endorsement_epoch_begin)),
    to: to === undefined || to === null ? undefined : parseTxId(String(to)),
    previousVersion: (previous ?? undefined) as number | undefined, // checked above
  };
}

function base64Of(value: unknown): Uint8Array {
  try {
    if (typeof value === 'string') return fromBase64(value);
  } catch {
    // The same answer as for what is no text at all.
  }
  throw malformed('record lacks bytes in base64');
}

function malformed(what: string): LedgerError {
  return new LedgerError('MalformedEndorsement', `service endorsement ${what}`, { step: 'shape' });
}

function epochError(message: string): LedgerError {
  return new LedgerError('VerificationFailed', message, { step: 'epoch' });
}

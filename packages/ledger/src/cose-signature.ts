import {
  type CborValue,
  coseLabel,
  isCborMap,
  type PrivateKey,
  type PublicKey,
  parseSign1,
  type Sign1,
  signSign1,
  verifySign1,
} from '@coco/crypto';
import { type ByteString, byteStringToBytes } from '@coco/kv';
import { inStep, LedgerError } from './errors.ts';
import { coseBytesMax } from './limits.ts';
import { decodeStandingRoot, encodeStandingRoot, type StandingRoot, standingLabel } from './standing-root.ts';
import { formatTxId, parseTxId, type TxId } from './tx-id.ts';

/** Label of the verifiable data structure (draft COSE Receipts) and its value for CCF's Merkle tree. */
export const verifiableDataStructure = { label: 395, ccfLedgerSha256: 2 } as const;
/** Label of the map with CCF's own claims. */
export const ccfClaimsLabel = 'ccf.v1';
/** CWT claims (RFC 8392). */
export const cwtClaim = { issuer: 1, subject: 2, issuedAt: 6 } as const;

const understood = [verifiableDataStructure.label, ccfClaimsLabel];
const ascii = new TextEncoder();

/** Whom the signature speaks for; the operator's `cose_signatures`. */
export interface CoseSubject {
  readonly issuer: string;
  readonly subject: string;
}

/** What a verified COSE signature says besides the root. */
export interface CoseRootFacts {
  /** The signature transaction. */
  readonly txId: TxId;
  readonly issuedAtSeconds: number;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  /** All transactions that were ever undone; undefined when none was. */
  readonly standing: StandingRoot | undefined;
}

/** Signs a Merkle root with the service key: COSE_Sign1 with the root as detached payload. */
export function signCoseRoot(options: {
  readonly root: ByteString;
  readonly txId: TxId;
  readonly serviceKey: PrivateKey;
  readonly cose: CoseSubject;
  readonly nowSeconds: number;
  readonly standing?: StandingRoot | undefined;
}): Uint8Array {
  const { root, txId, serviceKey, cose, nowSeconds, standing } = options;
  const claims = new Map<CborValue, CborValue>([
    [cwtClaim.issuedAt, nowSeconds],
    [cwtClaim.issuer, cose.issuer],
    [cwtClaim.subject, cose.subject],
  ]);
  const headers = new Map<number | string, CborValue>([
    [coseLabel.kid, ascii.encode(serviceKey.publicKey.id)],
    [verifiableDataStructure.label, verifiableDataStructure.ccfLedgerSha256],
    [coseLabel.cwtClaims, claims],
    [ccfClaimsLabel, new Map<CborValue, CborValue>([['txid', formatTxId(txId)]])],
  ]);
  // Left out while nothing was undone: such a signature is what any reader of the format expects.
  if (standing) headers.set(standingLabel, encodeStandingRoot(standing));
  return signSign1({ protected: headers, payload: byteStringToBytes(root), detached: true }, serviceKey);
}

/** Parses a COSE_Sign1 that was refused until proven otherwise. Throws `MalformedReceipt`, step `shape`. */
export function parseCose(bytes: Uint8Array, what: string): Sign1 {
  if (bytes.length > coseBytesMax) {
    throw new LedgerError('LimitExceeded', `${what} of ${bytes.length} bytes exceeds ${coseBytesMax}`, {
      step: 'shape',
    });
  }
  return inStep('shape', what, () => parseSign1(bytes));
}

/**
 * Verifies that the service key signed this root. Throws `VerificationFailed` naming the step: `shape`,
 * `service-key`, `root-signature`.
 */
export function verifyCoseRoot(message: Sign1, serviceKey: PublicKey, root: ByteString): CoseRootFacts {
  const facts = readHeaders(message, serviceKey);
  inStep('root-signature', `COSE signature of ${formatTxId(facts.txId)}`, () =>
    verifySign1(message, serviceKey, byteStringToBytes(root), { understood }),
  );
  return facts;
}

function readHeaders(message: Sign1, serviceKey: PublicKey): CoseRootFacts {
  const headers = message.protected;
  const kid = headers.get(coseLabel.kid);
  if (!(kid instanceof Uint8Array) || String.fromCharCode(...kid.subarray(0, 128)) !== serviceKey.id) {
    throw failed('service-key', 'COSE signature is not by the trusted service key (kid differs)');
  }
  if (headers.get(verifiableDataStructure.label) !== verifiableDataStructure.ccfLedgerSha256) {
    throw failed('shape', 'COSE signature is not over a CCF ledger Merkle root (label 395)');
  }
  const claims = headers.get(coseLabel.cwtClaims);
  if (!isCborMap(claims)) throw failed('shape', 'COSE signature has no CWT claims (label 15)');
  const ccf = headers.get(ccfClaimsLabel);
  const txid = isCborMap(ccf) ? ccf.get('txid') : undefined;
  if (typeof txid !== 'string') throw failed('shape', 'COSE signature names no transaction (ccf.v1 txid)');
  const issuedAtSeconds = claims.get(cwtClaim.issuedAt);
  if (typeof issuedAtSeconds !== 'number') throw failed('shape', 'COSE signature has no time (CWT claim 6)');
  const text = (value: CborValue) => (typeof value === 'string' ? value : undefined);
  return {
    txId: inStep('transaction-id', 'COSE signature', () => parseTxId(txid)),
    issuedAtSeconds,
    issuer: text(claims.get(cwtClaim.issuer)),
    subject: text(claims.get(cwtClaim.subject)),
    standing: decodeStandingRoot(headers.get(standingLabel)),
  };
}

function failed(step: 'shape' | 'service-key', message: string): LedgerError {
  return new LedgerError('VerificationFailed', message, { step });
}

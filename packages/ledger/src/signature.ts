import {
  fromBase64,
  type PrivateKey,
  type PublicKey,
  signEcdsa,
  toBase64,
  toHex,
  verifyEcdsa,
  verifyEcdsaDigest,
} from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString, type WriteSet } from '@coco/kv';
import { type CoseSubject, signCoseRoot } from './cose-signature.ts';
import { inStep, LedgerError } from './errors.ts';
import type { History } from './history.ts';
import { isRecord, parseJson } from './json.ts';
import type { StandingRoot } from './standing-root.ts';
import { singletonKey, tables } from './tables.ts';
import { formatTxId, type TxId } from './tx-id.ts';

/** What a signature entry says of itself. */
export interface RootSignature extends TxId {
  /** DER ECDSA by the node over the root as a digest. */
  readonly signature: Uint8Array;
  readonly nodeId: string;
  /** Root over the leaves of all entries before this one. */
  readonly root: ByteString;
  /** The commit point the primary knew of; informative. */
  readonly commit: TxId;
  /** PEM of the node's certificate endorsed by the service. */
  readonly nodeCert: string | undefined;
}

/** What a primary has at hand when it signs. */
export interface SignatureRequest extends TxId {
  /** Holds exactly the leaves before `seqno`. */
  readonly history: History;
  readonly nodeKey: PrivateKey;
  readonly nodeId: string;
  readonly nodeCert: string;
  readonly serviceKey: PrivateKey;
  readonly cose: CoseSubject;
  readonly nowSeconds: number;
  readonly commit: TxId;
  /** All transactions that were ever undone, if any was. */
  readonly standing?: StandingRoot | undefined;
  /**
   * First leaf of the serialised tree (default: all that is retained). The seqno of the last signature is
   * enough.
   */
  readonly treeFrom?: number;
}

/** What stands where older versions of CCF put the digest of a nonce. */
export const noNonce: string = '0'.repeat(64);

/**
 * The write set of a signature transaction: the node's signature, the service's, and the tree they are over.
 */
export function buildSignature(request: SignatureRequest): WriteSet {
  const { view, seqno, history, nodeKey, nodeId, nodeCert, commit } = request;
  if (history.size !== seqno) {
    throw new LedgerError(
      'InvalidArgument',
      `signature at ${seqno} needs ${seqno} leaves, the history has ${history.size}`,
    );
  }
  const root = history.root();
  const preimage = byteStringToBytes(history.rootPreimage());
  const signature = signEcdsa(nodeKey, preimage, { hash: 'SHA-256', format: 'der' });
  const value = {
    sig: toBase64(signature),
    node: nodeId,
    hashed_nonce: noNonce,
    seqno,
    view,
    commit_seqno: commit.seqno,
    commit_view: commit.view,
    root: toHex(byteStringToBytes(root)),
    cert: nodeCert,
  };
  const cose = signCoseRoot({ ...request, root, txId: { view, seqno } });
  return new Map([
    [tables.signatures, new Map([[singletonKey, JSON.stringify(value)]])],
    [tables.coseSignatures, new Map([[singletonKey, JSON.stringify(toBase64(cose))]])],
    [tables.tree, new Map([[singletonKey, bytesToByteString(history.serialize(request.treeFrom))]])],
  ]);
}

/** Reads a value of the signatures map. Throws `MalformedSignature`. */
export function parseRootSignature(value: ByteString): RootSignature {
  const json = parseJson(value, 'MalformedSignature', 'signature');
  if (!isRecord(json)) throw malformed('is not an object');
  const { sig, node, root, cert } = json;
  const number = (name: string): number => {
    const field = json[name];
    return Number.isSafeInteger(field) && (field as number) >= 0
      ? (field as number)
      : fail(`has no number ${name}`);
  };
  if (typeof sig !== 'string' || typeof node !== 'string') throw malformed('has no sig or no node');
  if (typeof root !== 'string' || !/^[0-9a-f]{64}$/.test(root))
    throw malformed('has no root of 64 hexadecimal digits');
  if (cert !== undefined && cert !== null && typeof cert !== 'string')
    throw malformed('has a cert that is not text');
  let signature: Uint8Array;
  try {
    signature = fromBase64(sig);
  } catch {
    throw malformed('has a sig that is not base64');
  }
  return {
    signature,
    nodeId: node,
    view: number('view'),
    seqno: number('seqno'),
    root: bytesToByteString(Uint8Array.fromHex(root)),
    commit: { view: number('commit_view'), seqno: number('commit_seqno') },
    nodeCert: cert ?? undefined,
  };
}

/** Reads a value of the COSE signatures map: base64 in a JSON string. Throws `MalformedSignature`. */
export function parseCoseSignatureValue(value: ByteString): Uint8Array {
  const json = parseJson(value, 'MalformedSignature', 'COSE signature');
  try {
    if (typeof json === 'string') return fromBase64(json);
  } catch {
    // The same answer as for what is no text at all.
  }
  throw malformed('by COSE is not a JSON string of base64');
}

/**
 * Verifies a node's signature over a root as digest. With the root's preimage at hand the platform's own
 * ECDSA does it; without, the slower one over ready digests. Throws `VerificationFailed`, step
 * `root-signature`.
 */
export function verifyRootSignature(options: {
  readonly nodeKey: PublicKey;
  readonly signature: Uint8Array;
  readonly root: ByteString;
  readonly preimage: ByteString | undefined;
  readonly of: string;
}): void {
  const { nodeKey, signature, root, preimage } = options;
  inStep('root-signature', `node signature over the root of ${options.of}`, () => {
    if (preimage === undefined) verifyEcdsaDigest(nodeKey, signature, byteStringToBytes(root));
    else verifyEcdsa(nodeKey, signature, byteStringToBytes(preimage), { hash: 'SHA-256', format: 'der' });
  });
}

/**
 * Whether a write set is that of a signature transaction: it writes a table that only those write. The tree counts as
 * well, so that a signature that was damaged does not pass for something else.
 */
export function isSignature(writeSet: WriteSet): boolean {
  return writeSet.has(tables.signatures) || writeSet.has(tables.coseSignatures) || writeSet.has(tables.tree);
}

/** Names a signature in messages. */
export function signatureName(signature: TxId): string {
  return `signature ${formatTxId(signature)}`;
}

function fail(what: string): never {
  throw malformed(what);
}

function malformed(what: string): LedgerError {
  return new LedgerError('MalformedSignature', `signature ${what}`);
}

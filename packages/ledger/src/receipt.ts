import { fromBase64, sha256ByteString, toBase64, toHex } from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString } from '@coco/kv';
import { leafOf } from './entry.ts';
import { LedgerError, type VerificationStep } from './errors.ts';
import { type ProofStep, rootFromProof, rootPreimageFromProof } from './history.ts';
import { isRecord } from './json.ts';
import { commitEvidenceMax, pemCharsMax, proofStepsMax, serviceEndorsementsMax } from './limits.ts';
import { verifyNodeCertificate } from './node-certificate.ts';
import { type RootSignature, verifyRootSignature } from './signature.ts';
import { formatTxId, parseTxId, type TxId } from './tx-id.ts';

/** A receipt as JSON; field names, hexadecimal, base64 and PEM are CCF's. */
export interface Receipt {
  /** Base64 of DER. */
  readonly signature: string;
  readonly node_id: string;
  readonly cert: string;
  readonly leaf_components?: {
    readonly write_set_digest: string;
    readonly commit_evidence: string;
    /** Left out by an application that discloses the claim itself. */
    readonly claims_digest?: string;
  };
  /** The root, in the receipt of a signature transaction, which has no proof. */
  readonly leaf?: string;
  readonly proof: readonly ({ readonly left: string } | { readonly right: string })[];
  /** Certificates from the one that issued `cert` to one that the trusted service certificate issued. */
  readonly service_endorsements?: readonly string[];
  readonly is_signature_transaction?: boolean;
}

/** The three pieces of a leaf. */
export interface LeafComponents {
  readonly writeSetDigest: ByteString;
  readonly commitEvidence: string;
  readonly claimsDigest: ByteString;
}

/** What holds once a receipt is verified. */
export type VerifiedReceipt =
  | (LeafComponents & {
      readonly kind: 'transaction';
      readonly txId: TxId;
      readonly leaf: ByteString;
      readonly root: ByteString;
      readonly nodeId: string;
    })
  | { readonly kind: 'signature'; readonly root: ByteString; readonly nodeId: string };

/** What a verifier knows beforehand of the transaction. */
export interface VerifyReceiptOptions {
  /**
   * Digest of the disclosed claim; used in place of the receipt's own, which must not differ if it is there.
   */
  readonly claimsDigest?: ByteString | undefined;
  /** The transaction the receipt must be for. */
  readonly txId?: TxId | undefined;
}

/** The receipt of an ordinary transaction, from the signature entry that covers it. */
export function buildReceipt(
  signature: RootSignature & { readonly nodeCert: string },
  leaf: LeafComponents,
  proof: readonly ProofStep[],
  serviceEndorsements: readonly string[] = [],
): Receipt {
  return {
    ...signedPart(signature),
    leaf_components: {
      write_set_digest: hexOf(leaf.writeSetDigest),
      commit_evidence: leaf.commitEvidence,
      claims_digest: hexOf(leaf.claimsDigest),
    },
    proof: proof.map(({ side, hash }) => (side === 'left' ? { left: hexOf(hash) } : { right: hexOf(hash) })),
    ...(serviceEndorsements.length > 0 && { service_endorsements: serviceEndorsements }),
  };
}

/** The receipt of a signature transaction: the root it signed. */
export function buildSignatureReceipt(
  signature: RootSignature & { readonly nodeCert: string },
  serviceEndorsements: readonly string[] = [],
): Receipt {
  return {
    ...signedPart(signature),
    leaf: hexOf(signature.root),
    proof: [],
    ...(serviceEndorsements.length > 0 && { service_endorsements: serviceEndorsements }),
  };
}

function signedPart(signature: RootSignature & { readonly nodeCert: string }) {
  return { signature: toBase64(signature.signature), node_id: signature.nodeId, cert: signature.nodeCert };
}

/**
 * Verifies a receipt (parsed JSON of any origin) against the service certificate one trusts. Certificates'
 * dates are not looked at: a receipt outlives them. Throws a LedgerError naming the step that refused.
 */
export function verifyReceipt(
  receipt: unknown,
  serviceCertPem: string,
  options: VerifyReceiptOptions = {},
): VerifiedReceipt {
  const parsed = parseReceipt(receipt);
  const { nodeId, proof } = parsed;
  const leaf =
    parsed.root === undefined ? leafOfComponents(parsed, options) : signatureLeaf(parsed.root, options);
  const root = rootFromProof(leaf.hash, proof);
  const of = leaf.txId === undefined ? 'a signature transaction' : formatTxId(leaf.txId);
  const node = verifyNodeCertificate({ ...parsed, serviceCert: serviceCertPem });
  verifyRootSignature({
    nodeKey: node.publicKey,
    signature: parsed.signature,
    root,
    preimage: rootPreimageFromProof(leaf.hash, proof),
    of,
  });
  if (leaf.txId === undefined) return { kind: 'signature', root, nodeId };
  const { txId, components, hash } = leaf;
  return { kind: 'transaction', txId, ...components, leaf: hash, root, nodeId };
}

interface ParsedReceipt {
  readonly signature: Uint8Array;
  readonly nodeId: string;
  readonly cert: string;
  readonly root: ByteString | undefined;
  readonly components:
    | (Omit<LeafComponents, 'claimsDigest'> & { claimsDigest: ByteString | undefined })
    | undefined;
  readonly proof: readonly ProofStep[];
  readonly endorsements: readonly string[];
}

type Leaf =
  | { readonly hash: ByteString; readonly txId: TxId; readonly components: LeafComponents }
  | { readonly hash: ByteString; readonly txId?: undefined };

function signatureLeaf(root: ByteString, options: VerifyReceiptOptions): Leaf {
  if (options.claimsDigest !== undefined)
    throw refused('claims', 'a signature transaction carries no claims');
  if (options.txId !== undefined)
    throw refused('transaction-id', 'a signature transaction proves no transaction ID');
  return { hash: root };
}

function leafOfComponents(parsed: ParsedReceipt, options: VerifyReceiptOptions): Leaf {
  const { writeSetDigest, commitEvidence, claimsDigest: carried } = parsed.components!;
  const txId = txIdOfEvidence(commitEvidence);
  checkTxId(txId, options.txId);
  const claimsDigest = options.claimsDigest ?? carried;
  if (claimsDigest === undefined) {
    throw refused('claims', 'the receipt has no claims digest: give the digest of the disclosed claim');
  }
  if (carried !== undefined && carried !== claimsDigest) {
    throw refused('claims', `the receipt of ${formatTxId(txId)} is for another claim`);
  }
  const components = { writeSetDigest, commitEvidence, claimsDigest };
  return { hash: leafOf(writeSetDigest, sha256ByteString(commitEvidence), claimsDigest), txId, components };
}

/** The transaction that commit evidence names. Throws `VerificationFailed`, step `transaction-id`. */
export function txIdOfEvidence(evidence: string): TxId {
  const match = /^ce:([0-9]+\.[0-9]+):[0-9a-f]{64}$/.exec(evidence);
  try {
    return parseTxId(match?.[1] ?? '');
  } catch {
    throw refused('transaction-id', 'commit evidence is not ce:<view>.<seqno>:<64 hexadecimal digits>');
  }
}

/** Throws, step `transaction-id`, when one is expected and it is another. */
export function checkTxId(txId: TxId, expected: TxId | undefined): void {
  if (expected === undefined || (txId.view === expected.view && txId.seqno === expected.seqno)) return;
  throw refused('transaction-id', `the receipt is for ${formatTxId(txId)}, not ${formatTxId(expected)}`);
}

const receiptFields = new Set([
  'signature',
  'node_id',
  'cert',
  'leaf_components',
  'leaf',
  'proof',
  'service_endorsements',
  'is_signature_transaction',
]);
const componentFields = new Set(['write_set_digest', 'commit_evidence', 'claims_digest']);

/** Nothing unknown, nothing in a second spelling: each receipt has one form, so that any change shows. */
function parseReceipt(json: unknown): ParsedReceipt {
  const fields = fieldsOf(json, receiptFields, 'receipt');
  const { leaf_components: components, leaf, is_signature_transaction: isSignature } = fields;
  const { service_endorsements: endorsements = [] } = fields;
  if ((components === undefined) === (leaf === undefined)) {
    throw malformed('receipt needs either leaf_components or leaf');
  }
  if (isSignature !== undefined && isSignature !== (leaf !== undefined)) {
    throw malformed('is_signature_transaction contradicts the rest of the receipt');
  }
  const proof = parseProof(fields.proof);
  if (leaf !== undefined && proof.length > 0)
    throw malformed('the receipt of a signature transaction has a proof');
  return {
    signature: base64Of(fields.signature, 'signature'),
    nodeId: textOf(fields.node_id, 'node_id', 64),
    cert: textOf(fields.cert, 'cert', pemCharsMax),
    root: leaf === undefined ? undefined : digestOf(leaf, 'leaf'),
    components: components === undefined ? undefined : parseComponents(components),
    proof,
    endorsements: listOf(endorsements, 'service_endorsements', serviceEndorsementsMax).map((pem, i) =>
      textOf(pem, `service_endorsements[${i}]`, pemCharsMax),
    ),
  };
}

function parseComponents(json: unknown): NonNullable<ParsedReceipt['components']> {
  const fields = fieldsOf(json, componentFields, 'leaf_components');
  const { claims_digest: claims } = fields;
  return {
    writeSetDigest: digestOf(fields.write_set_digest, 'write_set_digest'),
    commitEvidence: textOf(fields.commit_evidence, 'commit_evidence', commitEvidenceMax),
    claimsDigest: claims === undefined ? undefined : digestOf(claims, 'claims_digest'),
  };
}

function parseProof(json: unknown): ProofStep[] {
  return listOf(json, 'proof', proofStepsMax).map((step, i) => {
    const sides = isRecord(step) ? Object.entries(step) : [];
    const [side, hash] = sides[0] ?? [];
    if (sides.length !== 1 || (side !== 'left' && side !== 'right')) {
      throw malformed(`proof[${i}] is neither left nor right`);
    }
    return { side, hash: digestOf(hash, `proof[${i}]`) };
  });
}

function fieldsOf(json: unknown, known: ReadonlySet<string>, what: string): Record<string, unknown> {
  if (!isRecord(json)) throw malformed(`${what} is not an object`);
  for (const name of Object.keys(json)) {
    if (!known.has(name))
      throw malformed(`${what} has an unknown field ${JSON.stringify(name.slice(0, 64))}`);
  }
  return json;
}

function textOf(value: unknown, what: string, charsMax: number): string {
  if (typeof value === 'string' && value.length <= charsMax) return value;
  throw malformed(`${what} is not text of at most ${charsMax} characters`);
}

function listOf(value: unknown, what: string, itemsMax: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= itemsMax) return value;
  throw malformed(`${what} is not a list of at most ${itemsMax}`);
}

function digestOf(value: unknown, what: string): ByteString {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) {
    throw malformed(`${what} is not 64 lower-case hexadecimal digits`);
  }
  return bytesToByteString(Uint8Array.fromHex(value));
}

function base64Of(value: unknown, what: string): Uint8Array {
  try {
    return fromBase64(textOf(value, what, 1024));
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    throw malformed(`${what} is not base64`);
  }
}

function hexOf(bytes: ByteString): string {
  return toHex(byteStringToBytes(bytes));
}

function malformed(message: string): LedgerError {
  return new LedgerError('MalformedReceipt', message, { step: 'shape' });
}

function refused(step: VerificationStep, message: string): LedgerError {
  return new LedgerError('VerificationFailed', message, { step });
}

import {
  type CborValue,
  decodeCbor,
  encodeCbor,
  encodeSign1,
  isCborArray,
  isCborMap,
  type PublicKey,
  parseSign1,
  type Sign1,
  sha256ByteString,
} from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString } from '@coco/kv';
import { type CoseRootFacts, parseCose, verifyCoseRoot } from './cose-signature.ts';
import { leafOf } from './entry.ts';
import { inStep, LedgerError } from './errors.ts';
import { type ProofStep, rootFromProof } from './history.ts';
import { commitEvidenceMax, coseProofsMax, proofStepsMax } from './limits.ts';
import { checkTxId, type LeafComponents, txIdOfEvidence, type VerifyReceiptOptions } from './receipt.ts';
import type { TxId } from './tx-id.ts';

/** Unprotected header of the proofs, and the kind of proof in it (draft COSE Receipts). */
const proofsLabel = 396;
const inclusionProofs = -1;
/** Keys of a proof. */
const leafKey = 1;
const pathKey = 2;

/** A leaf with its way to the root. */
export interface MerkleProof {
  readonly leaf: LeafComponents;
  readonly path: readonly ProofStep[];
}

/** One transaction that a COSE receipt proves. */
export interface ProvenTransaction extends LeafComponents {
  readonly txId: TxId;
  readonly leafHash: ByteString;
}

/** What holds once a COSE receipt is verified. `txId` is that of the signature. */
export interface VerifiedCoseReceipt extends CoseRootFacts {
  readonly root: ByteString;
  readonly transactions: readonly ProvenTransaction[];
}

/** A Merkle proof by itself, as CBOR. */
export function encodeMerkleProof(proof: MerkleProof): Uint8Array {
  const { writeSetDigest, commitEvidence, claimsDigest } = proof.leaf;
  const leaf = [byteStringToBytes(writeSetDigest), commitEvidence, byteStringToBytes(claimsDigest)];
  const path = proof.path.map(({ side, hash }) => [side === 'left', byteStringToBytes(hash)]);
  return encodeCbor(
    new Map<CborValue, CborValue>([
      [leafKey, leaf],
      [pathKey, path],
    ]),
  );
}

/** Reads a Merkle proof. Throws `MalformedReceipt`. */
export function decodeMerkleProof(bytes: Uint8Array): MerkleProof {
  const item = inStep('shape', 'Merkle proof', () => decodeCbor(bytes, 'any'));
  if (!isCborMap(item) || item.size !== 2) throw malformed('Merkle proof is not a map of leaf and path');
  const leaf = item.get(leafKey);
  const path = item.get(pathKey);
  if (!isCborArray(leaf) || leaf.length !== 3)
    throw malformed('leaf of a Merkle proof is not an array of three');
  const [writeSetDigest, commitEvidence, claimsDigest] = leaf;
  if (
    typeof commitEvidence !== 'string' ||
    commitEvidence === '' ||
    commitEvidence.length > commitEvidenceMax
  ) {
    throw malformed(`commit evidence is not text of 1 to ${commitEvidenceMax} characters`);
  }
  if (!isCborArray(path) || path.length > proofStepsMax)
    throw malformed(`path is not an array of at most ${proofStepsMax}`);
  return {
    leaf: {
      writeSetDigest: digestOf(writeSetDigest, 'write set digest'),
      commitEvidence,
      claimsDigest: digestOf(claimsDigest, 'claims digest'),
    },
    path: path.map(stepOf),
  };
}

function stepOf(item: CborValue): ProofStep {
  if (!isCborArray(item) || item.length !== 2) throw malformed('step of a path is not an array of two');
  const [left, hash] = item;
  if (typeof left !== 'boolean') throw malformed('step of a path does not say which side');
  return { side: left ? 'left' : 'right', hash: digestOf(hash, 'hash of a path') };
}

function digestOf(item: CborValue, what: string): ByteString {
  if (item instanceof Uint8Array && item.length === 32) return bytesToByteString(item);
  throw malformed(`${what} is not 32 bytes`);
}

/** A receipt: the COSE signature of a root with the proofs of leaves under it. */
export function buildCoseReceipt(coseSignature: Uint8Array, proofs: readonly MerkleProof[]): Uint8Array {
  const unprotected = new Map([
    [proofsLabel, new Map<CborValue, CborValue>([[inclusionProofs, proofs.map(encodeMerkleProof)]])],
  ]);
  return encodeSign1({ ...parseSign1(coseSignature), unprotected });
}

/**
 * Verifies a COSE receipt against the service key one trusts: every proof in it must lead to the one root
 * that the key signed. Expected claims and transaction must hold for each proof. Throws a LedgerError naming
 * the step.
 */
export function verifyCoseReceipt(
  bytes: Uint8Array,
  serviceKey: PublicKey,
  options: VerifyReceiptOptions = {},
): VerifiedCoseReceipt {
  const message = parseCose(bytes, 'COSE receipt');
  const proofs = proofsOf(message);
  const transactions = proofs.map(({ leaf }) => transactionOf(leaf, options));
  const [root, ...others] = proofs.map(({ path }, i) => rootFromProof(transactions[i]!.leafHash, path));
  if (others.some((other) => other !== root)) {
    throw new LedgerError('VerificationFailed', 'proofs of one COSE receipt lead to different roots', {
      step: 'proof',
    });
  }
  const facts = verifyCoseRoot(message, serviceKey, root!);
  return { ...facts, root: root!, transactions };
}

function transactionOf(leaf: LeafComponents, options: VerifyReceiptOptions): ProvenTransaction {
  const txId = txIdOfEvidence(leaf.commitEvidence);
  checkTxId(txId, options.txId);
  if (options.claimsDigest !== undefined && options.claimsDigest !== leaf.claimsDigest) {
    throw new LedgerError('VerificationFailed', 'the COSE receipt is for another claim', { step: 'claims' });
  }
  const evidenceDigest = sha256ByteString(leaf.commitEvidence);
  return { ...leaf, txId, leafHash: leafOf(leaf.writeSetDigest, evidenceDigest, leaf.claimsDigest) };
}

function proofsOf(message: Sign1): MerkleProof[] {
  if (message.payload !== null) throw malformed('COSE receipt has its payload attached');
  const held = message.unprotected.get(proofsLabel);
  const proofs = isCborMap(held) ? held.get(inclusionProofs) : undefined;
  if (!isCborArray(proofs) || proofs.length === 0 || proofs.length > coseProofsMax) {
    throw malformed(
      `COSE receipt does not hold 1 to ${coseProofsMax} inclusion proofs (label ${proofsLabel})`,
    );
  }
  return proofs.map((proof) => {
    if (!(proof instanceof Uint8Array)) throw malformed('inclusion proof is not a byte string');
    return decodeMerkleProof(proof);
  });
}

function malformed(message: string): LedgerError {
  return new LedgerError('MalformedReceipt', message, { step: 'shape' });
}

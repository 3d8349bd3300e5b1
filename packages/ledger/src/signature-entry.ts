import { toBase64 } from '@coco/crypto';
import { type ByteString, byteStringToBytes, byteStringToUtf8, bytesToByteString } from '@coco/kv';
import type { AuditState } from './audit-state.ts';
import { parseCose, verifyCoseRoot } from './cose-signature.ts';
import { type DecodedEntry, noClaims } from './entry.ts';
import { LedgerError } from './errors.ts';
import { entryFlags } from './frame.ts';
import { History } from './history.ts';
import { noNonce, parseCoseSignatureValue, parseRootSignature, verifyRootSignature } from './signature.ts';
import { singletonIn, tables } from './tables.ts';
import { formatTxId } from './tx-id.ts';

/** What a signature entry writes, and nothing else. */
const signatureTables: ReadonlySet<string> = new Set([tables.signatures, tables.coseSignatures, tables.tree]);

/**
 * Verifies a signature entry as of its place: `history` holds the leaves before it, `state` what nodes and service
 * are there. Both signatures must be over that root, by those who may sign; one may be absent. Answers which of them
 * the entry has. Throws a LedgerError naming the step.
 */
export function verifySignatureEntry(
  entry: DecodedEntry,
  history: History,
  state: AuditState,
): { readonly node: boolean; readonly cose: boolean } {
  verifyShape(entry);
  const node = verifyNodeSignature(entry, history, state);
  const cose = verifyCoseSignature(entry, history, state);
  if (!node && !cose) throw misshapen(entry, 'has no signature');
  return { node, cose };
}

function verifyShape(entry: DecodedEntry): void {
  for (const table of entry.writeSet.keys()) {
    if (!signatureTables.has(table)) throw misshapen(entry, `writes ${table}`);
  }
  if (entry.claimsDigest !== noClaims) throw misshapen(entry, 'claims something');
}

function misshapen(entry: DecodedEntry, what: string): LedgerError {
  const message = `${formatTxId(entry)} is a signature and ${what}`;
  return new LedgerError('VerificationFailed', message, { step: 'shape' });
}

function verifyNodeSignature(entry: DecodedEntry, history: History, state: AuditState): boolean {
  const value = singletonIn(entry.writeSet, tables.signatures);
  if (value === undefined) return false;
  const signature = parseRootSignature(value);
  const name = formatTxId(entry);
  if (signature.seqno !== entry.seqno || signature.view !== entry.view) {
    const message = `signature in ${name} says it is ${formatTxId(signature)}`;
    throw new LedgerError('VerificationFailed', message, { step: 'transaction-id' });
  }
  const { publicKey } = state.signer(signature.nodeId, signature.nodeCert, entry.view);
  const root = history.root();
  if (signature.root !== root) {
    throw new LedgerError('VerificationFailed', `root in ${name} is not that of the entries before`, {
      step: 'root',
    });
  }
  const preimage = history.rootPreimage();
  verifyRootSignature({ nodeKey: publicKey, signature: signature.signature, root, preimage, of: name });
  return true;
}

function verifyCoseSignature(entry: DecodedEntry, history: History, state: AuditState): boolean {
  const value = singletonIn(entry.writeSet, tables.coseSignatures);
  if (value === undefined) return false;
  const message = parseCose(parseCoseSignatureValue(value), 'COSE signature');
  const { txId } = verifyCoseRoot(message, state.serviceKey, history.root());
  if (txId.seqno !== entry.seqno || txId.view !== entry.view) {
    const what = `COSE signature in ${formatTxId(entry)} says it is ${formatTxId(txId)}`;
    throw new LedgerError('VerificationFailed', what, { step: 'transaction-id' });
  }
  return true;
}

/** What a signature may say of itself; see `buildSignature`. */
const signatureFields: ReadonlySet<string> = new Set([
  ...['sig', 'node', 'hashed_nonce', 'seqno', 'view', 'commit_seqno', 'commit_view', 'root', 'cert'],
]);

/**
 * Holds the parts of a verified signature entry that its signatures are not over to what they must be. Entries before it are
 * proven by the root; the last one of a ledger nothing proves but itself. What then is left (the entry's commit evidence
 * and its tag) only the ledger secret vouches for. Throws a LedgerError.
 */
export function verifySignatureContent(entry: DecodedEntry): void {
  if ((entry.flags & ~entryFlags.forceChunkAfter) !== 0) throw misshapen(entry, 'has flags of other entries');
  const value = singletonIn(entry.writeSet, tables.signatures);
  if (value !== undefined) verifySpelling(entry, value);
  const cose = singletonIn(entry.writeSet, tables.coseSignatures);
  if (cose !== undefined) verifyCoseSpelling(entry, cose);
  const tree = singletonIn(entry.writeSet, tables.tree);
  if (tree !== undefined && value !== undefined) verifyTree(entry, tree, parseRootSignature(value).root);
}

function verifySpelling(entry: DecodedEntry, value: ByteString): void {
  const text = byteStringToUtf8(value);
  const fields = JSON.parse(text) as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(fields)) {
    if (!signatureFields.has(name)) throw misshapen(entry, `says ${name}`);
  }
  if ((fields.hashed_nonce ?? noNonce) !== noNonce) throw misshapen(entry, 'has a nonce');
  if (JSON.stringify(fields) !== text) throw misshapen(entry, 'is not spelt as signatures are');
}

function verifyCoseSpelling(entry: DecodedEntry, value: ByteString): void {
  const bytes = parseCoseSignatureValue(value);
  if (JSON.stringify(toBase64(bytes)) !== value || parseCose(bytes, 'COSE signature').unprotected.size > 0)
    throw misshapen(entry, 'has a COSE signature that is not spelt as they are');
}

function verifyTree(entry: DecodedEntry, value: ByteString, root: ByteString): void {
  const tree = History.deserialize(byteStringToBytes(value));
  if (tree.size !== entry.seqno || tree.root() !== root) throw misshapen(entry, 'has another tree');
  if (bytesToByteString(tree.serialize()) !== value) throw misshapen(entry, 'has a tree that says more');
}

import type { AuditState } from './audit-state.ts';
import { parseCose, verifyCoseRoot } from './cose-signature.ts';
import type { DecodedEntry } from './entry.ts';
import { LedgerError } from './errors.ts';
import type { History } from './history.ts';
import { parseCoseSignatureValue, parseRootSignature, verifyRootSignature } from './signature.ts';
import { singletonIn, tables } from './tables.ts';
import { formatTxId } from './tx-id.ts';

/**
 * Verifies a signature entry as of its place: `history` holds the leaves before it, `state` what nodes and service
 * are there. Both signatures must be over that root, by those who may sign. Answers which of them the entry has.
 * Throws a LedgerError naming the step.
 */
export function verifySignatureEntry(
  entry: DecodedEntry,
  history: History,
  state: AuditState,
): { readonly node: boolean; readonly cose: boolean } {
  return {
    node: verifyNodeSignature(entry, history, state),
    cose: verifyCoseSignature(entry, history, state),
  };
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

import { formatTxId, LedgerError, parseTxId, type TxId } from '@coco/ledger';
import { governanceLimits } from '../limits.ts';
import type { UndoPolicy } from '../tables/undo.ts';

/** What is to be undone, and how. */
export interface UndoRequest {
  /** Distinct, ascending. */
  readonly transactions: readonly TxId[];
  readonly policy: UndoPolicy;
  /** The contract's own function that makes up for the transactions; exactly with policy `compensate`. */
  readonly compensation?: { readonly module: string; readonly function: string };
  /** Go ahead although nobody recorded what some later transactions read. */
  readonly allowUnrecordedReads: boolean;
}

const policies: readonly unknown[] = ['restore', 'cascade', 'compensate'] satisfies UndoPolicy[];

/** Reads a request of any origin. Throws an Error whose message begins with the field it is about. */
export function readUndoRequest(fields: Readonly<Record<string, unknown>>): UndoRequest {
  const { policy, module, function: name } = fields;
  if (!policies.includes(policy)) throw new Error(`policy must be one of ${policies.join(', ')}`);
  const request = {
    transactions: readTransactions(fields.transactions),
    policy: policy as UndoPolicy,
    allowUnrecordedReads: readFlag(fields.allow_unrecorded_reads),
  };
  if (policy !== 'compensate') {
    if (module !== undefined || name !== undefined)
      throw new Error(`module and function go with policy compensate, not ${policy}`);
    return request;
  }
  return {
    ...request,
    compensation: { module: readText(module, 'module'), function: readText(name, 'function') },
  };
}

function readTransactions(value: unknown): TxId[] {
  const max = governanceLimits.undoNamedMax;
  if (!Array.isArray(value) || value.length === 0 || value.length > max)
    throw new Error(`transactions must be a list of 1 to ${max} transaction ids`);
  const byName = new Map(value.map((each) => [each, readTxId(each)]));
  if (byName.size < value.length) throw new Error('transactions must be distinct');
  return [...byName.values()].sort((a, b) => a.seqno - b.seqno);
}

function readTxId(value: unknown): TxId {
  try {
    if (typeof value === 'string' && formatTxId(parseTxId(value)) === value) return parseTxId(value);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
  }
  throw new Error(
    `transactions must be transaction ids, as 2.17: ${JSON.stringify(value)?.slice(0, 64)} is none`,
  );
}

function readFlag(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  throw new Error('allow_unrecorded_reads must be a boolean');
}

function readText(value: unknown, field: string): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= governanceLimits.undoNameCharactersMax)
    return value;
  throw new Error(`${field} must be the name of a ${field} of the contract`);
}

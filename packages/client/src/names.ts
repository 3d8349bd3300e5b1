import { referenceCharacters } from '@coco/access';
import { formatTxId, parseTxId, type TxId } from '@coco/ledger';
import { ClientError } from './errors.ts';

/** A transaction as a service names it to its callers: by its id, or by a reference (which says nothing of its place). */
export type TransactionName = TxId | string;

/** The name as it goes into a request. */
export function formatName(name: TransactionName): string {
  return typeof name === 'string' ? name : formatTxId(name);
}

/** What somebody gave as the name of a transaction. Throws `InvalidArgument` when it is neither an id nor a reference. */
export function parseName(text: string): TransactionName {
  if (isId(text)) return parseTxId(text);
  if (text.length === referenceCharacters && /^r[\w-]+$/.test(text)) return text;
  throw new ClientError(
    'InvalidArgument',
    `"${text}" names no transaction: neither an id, as 2.35, nor a reference of ${referenceCharacters} characters`,
  );
}

/** The id, where the name is one. */
export function idIn(name: TransactionName | undefined): TxId | undefined {
  if (typeof name !== 'string') return name;
  return isId(name) ? parseTxId(name) : undefined;
}

function isId(text: string): boolean {
  return /^\d+\.\d+$/.test(text);
}

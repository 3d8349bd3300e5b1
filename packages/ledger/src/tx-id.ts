import { LedgerError } from './errors.ts';

/** Names one transaction for ever: the view it was made in and its place in the ledger. Both start at 1. */
export interface TxId {
  readonly view: number;
  readonly seqno: number;
}

const pattern = /^([0-9]{1,16})\.([0-9]{1,16})$/;

/** `2.35` for `{view: 2, seqno: 35}`. */
export function formatTxId(txId: TxId): string {
  return `${txId.view}.${txId.seqno}`;
}

/** Reads `<view>.<seqno>`. Throws `InvalidTxId` for anything else, a zero in either place included. */
export function parseTxId(text: string): TxId {
  const match = pattern.exec(text);
  const view = Number(match?.[1]);
  const seqno = Number(match?.[2]);
  // NaN, 0 and what a number cannot hold exactly all fail this.
  if (Number.isSafeInteger(view) && Number.isSafeInteger(seqno) && view > 0 && seqno > 0)
    return { view, seqno };
  throw new LedgerError(
    'InvalidTxId',
    `${JSON.stringify(text.slice(0, 64))} is not a transaction ID: use <view>.<seqno>`,
  );
}

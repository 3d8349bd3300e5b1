import { type Frontend, header } from '@coco/api';
import { type ByteString, fromBase64Url, toHex } from '@coco/crypto';
import { type Receipt, type TxId, type VerifiedReceipt, verifyReceipt } from '@coco/ledger';
import { type Answer, accepted, jsonOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { untilAvailable } from './historical.ts';
import { formatName, idIn, type TransactionName } from './names.ts';
import type { Session } from './session.ts';

/** A receipt that holds, with what it proves. */
export interface CheckedReceipt {
  readonly receipt: Receipt;
  readonly proves: VerifiedReceipt;
}

/** What a receipt must prove beside being genuine. */
export interface ReceiptExpectation {
  readonly transactionId?: TxId | undefined;
  /** SHA-256 of what the contract claims (`sha256ByteString`). */
  readonly claimsDigest?: ByteString;
}

/**
 * Verifies a receipt against the pinned identity of the session, and that it is of the expected
 * transaction. Throws `ReceiptInvalid` naming the step that failed, and `WentBack` when it proves another
 * content than an earlier receipt did. The receipt of a signature transaction proves no transaction id.
 */
export function checkReceipt(
  session: Session,
  receipt: Receipt,
  expected: ReceiptExpectation = {},
): CheckedReceipt {
  const proves = verified(receipt, session.serviceCertificate, {
    claimsDigest: expected.claimsDigest,
    txId: receipt.leaf === undefined ? expected.transactionId : undefined,
  });
  if (proves.kind === 'transaction') session.memory.committed(proves.txId, hexOf(proves.leaf));
  return { receipt, proves };
}

/** How to fetch a receipt. */
export interface FetchReceiptOptions {
  readonly waitMs?: number;
  readonly claimsDigest?: ByteString;
  readonly frontend?: Frontend;
}

/** Fetches the receipt of a committed transaction, waiting while the service looks it up, and verifies it. */
export async function fetchReceipt(
  session: Session,
  name: TransactionName,
  options: FetchReceiptOptions = {},
): Promise<CheckedReceipt> {
  const path = `/${options.frontend ?? 'app'}/receipt?transaction_id=${formatName(name)}`;
  const answer = accepted(await untilAvailable(session, { method: 'GET', path }, options), path);
  const claims = options.claimsDigest === undefined ? {} : { claimsDigest: options.claimsDigest };
  return checkReceipt(session, jsonOf<Receipt>(answer), { transactionId: idIn(name), ...claims });
}

/** The receipt that a service put into an answer, when it was asked to. */
export function receiptFromHeader(answer: Answer): Receipt | undefined {
  const text = answer.headers[header.receipt];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(fromBase64Url(text))) as Receipt;
  } catch (cause) {
    throw new ClientError('UnexpectedAnswer', `the header ${header.receipt} holds no receipt`, { cause });
  }
}

function verified(
  receipt: Receipt,
  serviceCertificate: string,
  options: Parameters<typeof verifyReceipt>[2],
) {
  try {
    return verifyReceipt(receipt, serviceCertificate, options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClientError('ReceiptInvalid', `the receipt does not hold: ${reason}`, { cause });
  }
}

function hexOf(bytes: ByteString): string {
  return toHex(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
}

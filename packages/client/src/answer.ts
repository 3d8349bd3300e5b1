import { header, parseErrorBody } from '@coco/api';
import { parseTxId, type TxId } from '@coco/ledger';
import { ClientError, type Refusal } from './errors.ts';
import type { TransactionName } from './names.ts';

/** One answer, whole. Header names are lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** DER of the certificate whose key TLS proved, from transports that can tell. */
  readonly peerCertificate?: Uint8Array;
}

/** Whether the service did what it was asked. */
export function isOk(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

/** The body as text. */
export function textOf(answer: Answer): string {
  return new TextDecoder().decode(answer.body);
}

/** The body as JSON; throws `UnexpectedAnswer` when it is none. `T` is what the endpoint promises. */
export function jsonOf<T = unknown>(answer: Answer): T {
  const text = textOf(answer);
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new ClientError('UnexpectedAnswer', `the answer is not JSON: ${excerpt(text)}`, { cause });
  }
}

/** The transaction that an answer names: of the write, or of the state that was read. */
export function transactionIdOf(answer: Answer): TxId | undefined {
  const text = answer.headers[header.transactionId];
  return text === undefined ? undefined : parseTxId(text);
}

/** What the service calls the transaction of a write: by id, or by reference where members want ids hidden. */
export function transactionNameOf(answer: Answer): TransactionName | undefined {
  return transactionIdOf(answer) ?? answer.headers[header.transactionReference];
}

/** What a refusal says. */
export function refusalOf(answer: Answer): Refusal {
  const body = errorBodyOf(answer);
  const message = body?.error.message ?? excerpt(textOf(answer));
  return { status: answer.status, code: body?.error.code, message, body };
}

/** Returns the answer when it is 2xx, else throws `Refused` naming `what` was asked. */
export function accepted(answer: Answer, what: string): Answer {
  if (isOk(answer)) return answer;
  const refusal = refusalOf(answer);
  const code = refusal.code === undefined ? '' : ` ${refusal.code}`;
  const details = (refusal.body?.error.details ?? []).map((detail) =>
    'auth_policy' in detail ? `${detail.auth_policy}: ${detail.message}` : detail.message,
  );
  const reason = [refusal.message, ...details].filter((part) => part !== '').join('; ');
  throw new ClientError('Refused', `${what}: ${answer.status}${code}: ${reason}`, { refusal });
}

function errorBodyOf(answer: Answer) {
  try {
    return parseErrorBody(JSON.parse(textOf(answer)));
  } catch {
    return undefined;
  }
}

function excerpt(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}...`;
}

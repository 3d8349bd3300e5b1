import { contentType, type ErrorCode, type ErrorDetail, header } from '@coco/api';
import { type ByteString, utf8ToByteString } from '@coco/kv';

/** An answer in the making: what a handler gives back before transaction ids are added. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ByteString | Uint8Array;
  readonly close?: boolean;
  readonly streams?: boolean;
  /** It must not be given before what was written with it is committed. */
  readonly whenCommitted?: boolean;
}

const jsonHeaders = [[header.contentType, contentType.json]] as const;
const textHeaders = [[header.contentType, contentType.text]] as const;

/** A JSON answer; keys come in the order given. */
export function json(value: unknown, status = 200): Answer {
  return { status, headers: jsonHeaders, body: utf8ToByteString(JSON.stringify(value)) };
}

/** A plain text answer. */
export function text(value: string, status = 200): Answer {
  return { status, headers: textHeaders, body: utf8ToByteString(value) };
}

/** An answer without a body. */
export function empty(status: number, headers: Answer['headers'] = []): Answer {
  return { status, headers, body: '' };
}

/** A refusal in the documented shape. */
export function refusal(
  status: number,
  code: ErrorCode,
  message: string,
  details?: readonly ErrorDetail[],
): Answer {
  // Alphabetical, as recorded from CCF: some clients compare whole bodies.
  return json({ error: { code, ...(details ? { details } : {}), message } }, status);
}

/** The answer with one more header. */
export function withHeader(answer: Answer, name: string, value: string): Answer {
  return { ...answer, headers: [...answer.headers, [name, value]] };
}

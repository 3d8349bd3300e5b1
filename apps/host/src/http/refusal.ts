import { type ErrorCode, errorBody } from '@coco/api';
import type { HttpResponse } from '@coco/node';
import type { ParseError } from './llhttp.ts';

/* Answers that a door gives by itself, before the node hears of the request. Each ends its session. */

const refuse = (status: number, code: ErrorCode, message: string): HttpResponse => ({
  status,
  headers: [['content-type', 'application/json']],
  body: JSON.stringify(errorBody(code, message)),
  close: true,
});

/** The body, announced or received, is larger than the interface accepts. */
export function bodyTooLarge(bytesMax: number): HttpResponse {
  const message = `Request body is too large (max size allowed: ${sizeText(bytesMax)})`;
  return refuse(413, 'RequestBodyTooLarge', message);
}

/** One header, named when it is known which, is larger than the interface accepts. */
export function headerTooLarge(bytesMax: number, what: string): HttpResponse {
  return refuse(
    431,
    'RequestHeaderTooLarge',
    `${what} is too large (max size allowed: ${sizeText(bytesMax)})`,
  );
}

/** There are more headers than the interface accepts. */
export function tooManyHeaders(countMax: number): HttpResponse {
  return refuse(431, 'RequestHeaderTooLarge', `Too many headers (max number allowed: ${countMax})`);
}

/** The interface has more sessions than `max_open_sessions_soft`. */
export function tooManySessions(): HttpResponse {
  const message = 'Service is currently busy and unable to serve new connections';
  return refuse(503, 'SessionCapExhausted', message);
}

/** The client began a request and did not finish it in time. */
export function tooSlow(): HttpResponse {
  return refuse(408, 'InvalidInput', 'The request did not arrive in time.');
}

/** The client expects something of the server that is not on offer. */
export function expectationFailed(): HttpResponse {
  return refuse(417, 'InvalidHeaderValue', "The only expectation supported is '100-continue'.");
}

/** The node made an answer that HTTP cannot carry: a contract chose an impossible status or header. */
export function unsendable(): HttpResponse {
  return refuse(500, 'InternalError', 'The response has a status or header that HTTP cannot carry.');
}

/** Why bytes are not HTTP. */
export type Malformed = Pick<ParseError, 'code' | 'reason' | 'bytesParsed'>;

/** The bytes are not HTTP. Nothing of them is given back: the answer may be shown by a browser. */
export function malformed(error: Malformed): HttpResponse {
  return {
    status: 400,
    headers: [['content-type', 'text/plain']],
    body:
      'Unable to parse data as a HTTP request. Error message is: HTTP parsing failed ' +
      `(${error.code}: ${error.reason}) around byte ${Math.max(0, error.bytesParsed)}`,
    close: true,
  };
}

/** A size in the words of the configuration. */
function sizeText(bytes: number): string {
  for (const [unit, factor] of [
    ['MB', 1024 ** 2],
    ['KB', 1024],
  ] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

import { encodeUtf8, textOf, viewOf } from './bytes.ts';
import { commonHeaders, outcome, type Primitive } from './port.ts';
import { describeThrown } from './values.ts';

/** A response of a form that cannot be sent; `reason` is CCF's. */
export class ResponseError extends Error {
  readonly #mark = true;

  /** Without asking the value anything, since it may be a proxy. */
  static is(value: unknown): value is ResponseError {
    return typeof value === 'object' && value !== null && #mark in value && value.#mark;
  }
}

function refuse(what: string): never {
  throw new ResponseError(`Invalid endpoint function return value (${what}).`);
}

/** A body as bytes with the content type it has unless the handler says otherwise. */
function encodeBody(body: unknown): [bytes: string, contentType: string] {
  if (body === undefined) return ['', ''];
  if (typeof body === 'string') return [encodeUtf8(body), 'text/plain'];
  const view = viewOf(body);
  if (view) return [textOf(view), 'application/octet-stream'];
  return [encodeUtf8(encodeJson(body)), 'application/json'];
}

function encodeJson(body: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(body);
  } catch {
    refuse('error during JSON conversion of body');
  }
  return text ?? refuse('error during JSON conversion of body');
}

/**
 * Header lines `name\nvalue` joined, or the number of common ones. A handler's headers override the default
 * content type.
 */
function encodeHeaders(headers: unknown, contentType: string): string | number {
  if (headers === undefined || headers === null) {
    const lines = contentType === '' ? '' : `content-type\n${contentType}`;
    const common = commonHeaders.indexOf(lines as (typeof commonHeaders)[number]);
    return common < 0 ? lines : common;
  }
  if (typeof headers !== 'object') refuse('header type');
  const merged = new Map<string, string>();
  if (contentType !== '') merged.set('content-type', contentType);
  for (const name of Object.keys(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) refuse('header type');
    merged.set(name.toLowerCase(), headerValue((headers as Record<string, unknown>)[name]));
  }
  return [...merged].map(([name, value]) => `${name}\n${value}`).join('\n');
}

function headerValue(value: unknown): string {
  let text = '\n';
  try {
    text = String(value);
  } catch {}
  return /[^\t\x20-\x7e\x80-\xff]/.test(text) ? refuse('header value type') : text;
}

function statusOf(status: unknown): number {
  if (status === undefined || status === null) return 200;
  if (typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 999) return status;
  return refuse('status code type');
}

/** What the host is told of a call that returned; writes and the like are added when it ends. */
export function responseOutcome(result: unknown): Primitive[] {
  if (typeof result !== 'object' || result === null) refuse('not an object');
  const { statusCode, headers, body } = result as Record<string, unknown>;
  const [bytes, contentType] = encodeBody(body);
  const lines = encodeHeaders(headers, contentType);
  return [outcome.response, statusOf(statusCode), lines, bytes];
}

/** What the host is told of a call that failed. */
export function failureOutcome(thrown: unknown): Primitive[] {
  if (ResponseError.is(thrown)) return [outcome.failure, thrown.message, null, null];
  const { reason, trace } = describeThrown(thrown);
  return [outcome.failure, 'Exception thrown while executing.', reason, trace ?? null];
}

/** What of this file runs inside, see program.ts. */
export const responseProgram = [
  ResponseError,
  refuse,
  encodeBody,
  encodeJson,
  encodeHeaders,
  headerValue,
  statusOf,
  responseOutcome,
  failureOutcome,
];

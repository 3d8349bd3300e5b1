import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from '@coco/node';

/** Beginning of the head for each status met so far. */
const statusLines = new Map<number, string>();
/** Names of response headers met so far, in the form in which they go out; null: not to be sent. */
const headerNames = new Map<string, string | null>();
/** Bound of that memory, because contracts choose names too. */
const headerNamesMax = 1_000;

/* The door frames messages itself: letting a contract set these would desynchronise the session. */
const ownHeaders: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection']);

const lengthLine = '\r\ncontent-length: ';

/** Where an answer goes, as far as it changes its form. */
export interface ResponseContext {
  /** HEAD: the length is told, the body is not sent. */
  readonly headOnly: boolean;
  /** The session ends after this answer though the client did not ask for it. */
  readonly announceClose: boolean;
  /** How long the body is, is not known: it ends with the session. */
  readonly streams: boolean;
}

/**
 * The head of an answer, one character per byte. Undefined when the status or a header cannot be put on the
 * wire (a contract may have made it up): the caller answers 500 instead.
 */
export function serialiseHead(response: HttpResponse, context: ResponseContext): string | undefined {
  const start = statusLine(response.status);
  if (start === undefined) return undefined;
  let head = context.streams ? start.slice(0, -lengthLine.length) : start + response.body.length;
  for (const [name, value] of response.headers) {
    const sent = headerName(name);
    if (sent === null) continue;
    if (sent === undefined || !isFieldValue(value)) return undefined;
    head += `\r\n${sent}: ${value}`;
  }
  return context.announceClose ? `${head}\r\nconnection: close\r\n\r\n` : `${head}\r\n\r\n`;
}

function statusLine(status: number): string | undefined {
  const known = statusLines.get(status);
  if (known !== undefined) return known;
  if (!Number.isInteger(status) || status < 200 || status > 599) return undefined;
  const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}${lengthLine}`;
  statusLines.set(status, line);
  return line;
}

function headerName(name: string): string | null | undefined {
  const known = headerNames.get(name);
  if (known !== undefined) return known;
  if (!/^[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/.test(name)) return undefined;
  const lower = name.toLowerCase();
  const sent = ownHeaders.has(lower) ? null : lower;
  if (headerNames.size < headerNamesMax) headerNames.set(name, sent);
  return sent;
}

function isFieldValue(value: string): boolean {
  return !/[^\t\x20-\x7e\x80-\xff]/.test(value);
}

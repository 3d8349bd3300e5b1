import { contentType, type ErrorCode, header } from '@coco/api';
import { type ByteString, utf8ToByteString } from '@coco/kv';

/** The answer of a handler. A status outside 2xx discards what was written, unless `applyWrites` says otherwise. */
export interface GovResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ByteString | Uint8Array;
  readonly applyWrites?: boolean;
}

const jsonHeaders = [[header.contentType, contentType.json]] as const;
const javascriptHeaders = [[header.contentType, contentType.javascript]] as const;

/** JSON with the keys of every object sorted: clients of CCF compare whole bodies. */
export function json(value: unknown, status = 200): GovResponse {
  return { status, headers: jsonHeaders, body: utf8ToByteString(JSON.stringify(value, sortedKeys)) };
}

/** Source text, as it is. */
export function javascript(source: string): GovResponse {
  return { status: 200, headers: javascriptHeaders, body: utf8ToByteString(source) };
}

/** Bytes without a declared type. */
export function bytes(body: ByteString): GovResponse {
  return { status: 200, headers: [], body };
}

/** Done, and nothing to say. */
export function noContent(): GovResponse {
  return { status: 204, headers: [], body: '' };
}

/** Not at hand yet: the node is reading it from its ledger files. */
export function loading(message: string): GovResponse {
  const headers = [
    [header.contentType, contentType.text],
    [header.retryAfter, '1'],
  ] as const;
  return { status: 202, headers, body: utf8ToByteString(message) };
}

/** A refusal in the shape every error has. */
export function refuse(status: number, code: ErrorCode, message: string): GovResponse {
  return json({ error: { code, message } }, status);
}

function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const fields = Object.entries(value);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

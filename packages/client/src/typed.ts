import { header, contentType as types } from '@coco/api';
import type { TxId } from '@coco/ledger';
import { type Answer, accepted, jsonOf, textOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { untilAvailable } from './historical.ts';
import { formatName, type TransactionName } from './names.ts';
import type { CheckedReceipt } from './receipts.ts';
import type { Request, Session } from './session.ts';
import { type SubmitOptions, submit } from './transactions.ts';

/** Values that go into a path or a query. */
export type ParameterValue = string | number | boolean;

/** A call as a generated client makes it: a template, and what goes where. */
export interface TypedCall {
  readonly method: string;
  /** `/app/notes/{id}`. */
  readonly path: string;
  readonly params?: Readonly<Record<string, ParameterValue>>;
  /** What is undefined is left out. */
  readonly query?: Readonly<Record<string, ParameterValue | undefined>>;
  readonly headers?: Readonly<Record<string, ParameterValue | undefined>>;
  readonly json?: unknown;
  /** A body that is not JSON, and what it is. */
  readonly body?: { readonly contentType: string; readonly content: string | Uint8Array };
  /** The transaction that a historical endpoint is asked about. */
  readonly at?: TransactionName;
}

/** What came of a typed write: see `submit`. A refusal is thrown instead. */
export interface Written<T> {
  readonly outcome: 'Committed' | 'Pending' | 'Invalid' | 'Unrecorded';
  readonly body: T;
  readonly transaction?: string | undefined;
  readonly transactionId?: TxId | undefined;
  readonly receipt?: CheckedReceipt;
}

/** How a typed write is sent, and what it waits for. */
export interface WriteOptions extends SubmitOptions {
  /** See `Request`. */
  readonly idempotencyKey?: string;
}

/** Reads, waiting for what the service has to fetch first. `T` is what the document promises; throws `Refused`. */
export async function typedRead<T>(session: Session, call: TypedCall): Promise<T> {
  const request = requestOf(call);
  return contentOf<T>(accepted(await untilAvailable(session, request), request.path));
}

/** Writes, and waits for the commit. `T` is what the document promises; throws `Refused`. */
export async function typedWrite<T>(
  session: Session,
  call: TypedCall,
  options: WriteOptions = {},
): Promise<Written<T>> {
  const { idempotencyKey, ...rest } = options;
  const request = { ...requestOf(call), ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
  const done = await submit(session, request, rest);
  const body = contentOf<T>(accepted(done.answer, request.path));
  const { answer: _, outcome, ...named } = done;
  // A refusal was thrown above.
  return { ...named, outcome: outcome === 'Refused' ? 'Unrecorded' : outcome, body };
}

/** The request of a typed call. Throws `InvalidArgument` for a parameter that is missing. */
export function requestOf(call: TypedCall): Request {
  const { at, body, json, method, params = {}, query = {} } = call;
  const path = call.path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined) throw new ClientError('InvalidArgument', `${call.path} needs params.${name}`);
    return encodeURIComponent(String(value));
  });
  const search = new URLSearchParams(given(query)).toString();
  const headers = {
    ...Object.fromEntries(given(call.headers ?? {})),
    ...(at === undefined ? {} : { [header.transactionId]: formatName(at) }),
    ...(body === undefined ? {} : { [header.contentType]: body.contentType }),
  };
  return {
    method,
    path: search === '' ? path : `${path}?${search}`,
    headers,
    ...(json === undefined ? {} : { json }),
    ...(body === undefined ? {} : { body: bytesOf(body.content) }),
  };
}

function given(values: NonNullable<TypedCall['query']>): [string, string][] {
  return Object.entries(values).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

/** The body as its content type says: JSON, text, or bytes; undefined when there is none. */
function contentOf<T>(answer: Answer): T {
  if (answer.body.length === 0) return undefined as T;
  const type = answer.headers[header.contentType] ?? '';
  if (type.startsWith(types.json)) return jsonOf<T>(answer);
  return (type.startsWith('text/') ? textOf(answer) : answer.body) as T;
}

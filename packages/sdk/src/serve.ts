import type { App, DeclaredEndpoint } from './app.ts';
import { isMeantFor } from './caller.ts';
import type { BodyForm } from './endpoint.ts';
import { type Detail, Refusal, SdkError } from './errors.ts';
import { limits } from './limits.ts';
import type { DerivedIndex } from './map-index.ts';
import { Reply } from './reply.ts';
import { sandbox } from './sandbox.ts';
import { check, type Schema } from './schema.ts';

/** A request as the sandbox gives it to an exported function. */
export interface Request {
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded as a whole by the node. */
  readonly query: string;
  /** As in the path, undecoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: { text(): string; json(): unknown; arrayBuffer(): ArrayBuffer };
  readonly caller: unknown;
}

/** What an exported function answers. */
export interface Response {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
}

/**
 * The function that a bundle exports for an endpoint; `coco contract build` writes one line of these for each.
 * Throws `DeclarationInvalid` for a route that the contract does not have.
 */
export function serve(app: App, route: string): (request: Request) => Response | Promise<Response> {
  const declared = app.endpoints.get(route);
  if (declared === undefined) throw new SdkError('DeclarationInvalid', `${route} is not declared`);
  return (request) => answer(declared, request);
}

/**
 * The function that a bundle exports for an index of kind `rows`: it is called with rows of the map in place of a
 * past transaction. Throws `DeclarationInvalid` for an index that the contract does not have.
 */
export function derive(app: App, name: string): () => Response {
  const index = app.indexes.get(name) as DerivedIndex | undefined;
  if (index?.kind !== 'rows') throw new SdkError('DeclarationInvalid', `the index ${name} is not declared`);
  return () => {
    const { historicalState } = sandbox();
    if (historicalState === undefined) throw new SdkError('ServiceLacks', 'indexes are derived by nodes');
    return { statusCode: 200, body: index.derive(historicalState.kv) };
  };
}

function answer(endpoint: DeclaredEndpoint, request: Request): Response | Promise<Response> {
  return answered(() => {
    const result = endpoint.handle(callOf(endpoint, request));
    if (!isPromise(result)) return responseOf(endpoint, result);
    return result.then((value) => responseOf(endpoint, value)).catch(refusedOrThrown);
  });
}

/** What a function answers, or the refusal that it throws. */
export function answered(run: () => Response | Promise<Response>): Response | Promise<Response> {
  try {
    return run();
  } catch (error) {
    return refusedOrThrown(error);
  }
}

/** Does not name the global: the engine prepares for promises when code looks that up. */
function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function callOf(endpoint: DeclaredEndpoint, request: Request): object {
  const { audience } = endpoint;
  const { caller, headers } = request;
  if (audience.length > 0 && !isMeantFor(caller, audience)) {
    throw new Refusal(401, 'InvalidAuthenticationInfo', `The token is not for ${audience.join(' or ')}.`);
  }
  const wrong: Detail[] = [];
  const params = checked(endpoint.params, () => decoded(request.params), 'params', wrong);
  const query = checked(endpoint.query, () => parseQuery(request.query), 'query', wrong);
  const body = bodyOf(endpoint.body, request, wrong);
  if (wrong.length > 0) throw invalid(wrong);
  const past = endpoint.mode === 'historical' ? sandbox().historicalState : undefined;
  return { params, query, body, caller, headers, past };
}

function checked(schema: Schema | undefined, read: () => unknown, root: string, wrong: Detail[]): unknown {
  const value = read();
  if (schema === undefined) return value;
  const result = check(schema, value, root);
  if ('value' in result) return result.value;
  wrong.push(...result.wrong);
  return undefined;
}

function bodyOf(form: BodyForm | undefined, request: Request, wrong: Detail[]): unknown {
  if (form === undefined) return undefined;
  const signed = signedContent(request.caller);
  if (form === 'bytes') return signed ?? request.body.arrayBuffer();
  const text = signed === undefined ? request.body.text() : sandbox().bufToStr(signed);
  if (form === 'text') return text;
  return checked(form, () => parseJson(text), 'body', wrong);
}

/** Of a signed request, the body is what was signed, not the envelope. */
function signedContent(caller: unknown): ArrayBuffer | undefined {
  if (typeof caller !== 'object' || caller === null) return undefined;
  const { cose, user_cose_sign1: grouped } = caller as {
    cose?: { content: ArrayBuffer };
    user_cose_sign1?: { cose: { content: ArrayBuffer } };
  };
  return (cose ?? grouped?.cose)?.content;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid([
      { target: 'body', message: text === '' ? 'is missing' : `is not JSON: ${messageOf(error)}` },
    ]);
  }
}

function decoded(params: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const name of Object.keys(params)) {
    const value = params[name] as string;
    values[name] = value.includes('%') ? decodedValue(name, value) : value;
  }
  return values;
}

function decodedValue(name: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw invalid([{ target: `params.${name}`, message: 'is not percent-encoded UTF-8' }]);
  }
}

/** The node has decoded the query as a whole already: decoding again would change values that hold a `%`. */
function parseQuery(query: string): Record<string, string | string[]> {
  if (query === '') return {};
  const found = new Map<string, string | string[]>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : pair.slice(equals + 1);
    const before = found.get(name);
    if (before === undefined) found.set(name, value);
    else found.set(name, [before, value].flat());
  }
  return Object.fromEntries(found);
}

function responseOf(endpoint: DeclaredEndpoint, result: unknown): Response {
  if (result instanceof Reply) return respond(endpoint, result.body, result.status, result.headers);
  return respond(endpoint, result, undefined, undefined);
}

function respond(
  endpoint: DeclaredEndpoint,
  given: unknown,
  status: number | undefined,
  headers: Response['headers'],
): Response {
  if (given === undefined) return { statusCode: status ?? endpoint.status ?? 204, headers };
  return { statusCode: status ?? endpoint.status ?? 200, headers, body: promised(endpoint, given) };
}

/** A caller relies on the declared response: what does not keep to it must not leave, nor its writes stay. */
function promised(endpoint: DeclaredEndpoint, body: unknown): unknown {
  if (endpoint.response === undefined) return body;
  const result = check(endpoint.response, body, 'response');
  if ('value' in result) return result.value;
  const said = result.wrong.map(({ target, message }) => `${target}: ${message}`).join('; ');
  throw new SdkError('SchemaUnusable', `${endpoint.method} ${endpoint.path} breaks its declaration: ${said}`);
}

function invalid(wrong: readonly Detail[]): Refusal {
  const said = wrong.slice(0, limits.detailsMax);
  const message = said.map(({ target, message: why }) => `${target}: ${why}`).join('; ');
  return new Refusal(400, 'InvalidInput', message, { details: said });
}

function refusedOrThrown(error: unknown): Response {
  if (!(error instanceof Refusal)) throw error;
  const { status, code, message, headers } = error;
  const details = error.details.map((detail) => ({ code, ...detail }));
  const body = { error: { code, message, ...(details.length > 0 ? { details } : {}) } };
  return { statusCode: status, headers, body };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

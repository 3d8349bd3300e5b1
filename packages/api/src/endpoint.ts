import type { ErrorCode } from './errors.ts';
import type { Schema } from './schema.ts';

/** The three parts of a service's surface: the first segment of a path. */
export type Frontend = 'node' | 'app' | 'gov';

/** How a caller may prove who it is. An endpoint without policies is open to everybody. */
export type AuthPolicy =
  | 'no_auth'
  | 'user_cert'
  | 'member_cert'
  | 'any_cert'
  | 'jwt'
  | 'user_cose_sign1'
  | 'member_cose_sign1'
  | 'active_member_cose_sign1'
  | 'node_cert';

/** May a backup pass the request on to the primary; must it? */
export type Forwarding = 'never' | 'sometimes' | 'always';

/** Where a node that should not answer sends the caller. */
export type Redirection = 'none' | 'to_primary' | 'to_backup';

/** HTTP methods of built-in endpoints. */
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a signed governance message says it is, in its protected header `ccf.gov.msg.type`. */
export type GovMessageType =
  | 'proposal'
  | 'withdrawal'
  | 'ballot'
  | 'ack'
  | 'state_digest'
  | 'recovery_share'
  | 'preview';

/** A parameter of the query or of the path. */
export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
  readonly description?: string;
}

/** The body of a request. A COSE body carries a payload of this schema inside a signed envelope. */
export interface RequestBody {
  readonly contentType: string;
  /** A body of this type may come unsigned instead, from a caller known by its certificate. */
  readonly unsigned?: string;
  readonly schema?: Schema;
  readonly messageType?: GovMessageType;
}

/** One of the answers of an endpoint when all is well. */
export interface Answer {
  readonly status: number;
  readonly description: string;
  readonly contentType?: string;
  readonly schema?: Schema;
}

/** One built-in endpoint: a row of the table from which routing, OpenAPI and the documentation come. */
export interface Endpoint {
  readonly operationId: string;
  readonly frontend: Frontend;
  readonly method: Method;
  /** Path template with its frontend, `{name}` for a parameter: `/node/network/nodes/{node_id}`. */
  readonly path: string;
  readonly auth: readonly AuthPolicy[];
  readonly forwarding: Forwarding;
  readonly redirection: Redirection;
  /** A parameter of the query with which the call leaves a trace, and so is the primary's to answer. */
  readonly writesWith?: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly request?: RequestBody;
  readonly answers: readonly [Answer, ...Answer[]];
  /** Codes the endpoint itself answers with; those of routing and authentication go without saying. */
  readonly errors: readonly ErrorCode[];
  /** `internal`: for nodes of the service only. `hidden`: left out of the OpenAPI document. */
  readonly audience: 'public' | 'hidden' | 'internal';
}

/** What a row must say; the rest has defaults or follows from the path. */
export interface EndpointRow {
  readonly forwarding: Forwarding;
  readonly summary: string;
  readonly answers: readonly [Answer, ...Answer[]];
  readonly auth?: readonly AuthPolicy[];
  readonly redirection?: Redirection;
  readonly writesWith?: string;
  readonly query?: Readonly<Record<string, Schema>>;
  readonly requiredQuery?: Readonly<Record<string, Schema>>;
  readonly headers?: Readonly<Record<string, Schema>>;
  readonly request?: RequestBody;
  readonly errors?: readonly ErrorCode[];
  readonly audience?: 'public' | 'hidden' | 'internal';
}

/** Completes a row: `endpoint('GET', '/node/state', { ... })`. */
export function endpoint(method: Method, path: string, row: EndpointRow): Endpoint {
  return {
    operationId: operationIdOf(method, path),
    frontend: frontendOf(path) ?? 'app',
    method,
    path,
    auth: row.auth ?? [],
    forwarding: row.forwarding,
    redirection: row.redirection ?? (row.forwarding === 'always' ? 'to_primary' : 'none'),
    ...(row.writesWith === undefined ? {} : { writesWith: row.writesWith }),
    summary: row.summary,
    parameters: [
      ...pathParameters(path),
      ...named('query', true, row.requiredQuery),
      ...named('query', false, row.query),
      ...named('header', false, row.headers),
    ],
    ...(row.request === undefined ? {} : { request: row.request }),
    answers: row.answers,
    errors: row.errors ?? [],
    audience: row.audience ?? 'public',
  };
}

/** The frontend that the first segment of a path names; undefined for the short form of application paths. */
export function frontendOf(path: string): Frontend | undefined {
  const first = path.split('/', 2)[1];
  return first === 'node' || first === 'app' || first === 'gov' ? first : undefined;
}

/** `GET /app/log/{id}` becomes `GetAppLogId`: stable, and what generators name their functions after. */
export function operationIdOf(method: string, path: string): string {
  const words = `${method.toLowerCase()} ${path}`.match(/[A-Za-z0-9]+/g) ?? [];
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** The parameters that a path template names, in order. */
export function pathParameters(path: string): Parameter[] {
  const names = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? '');
  return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
}

function named(
  place: 'query' | 'header',
  required: boolean,
  schemas: Readonly<Record<string, Schema>> = {},
): Parameter[] {
  return Object.entries(schemas).map(([name, schema]) => ({ name, in: place, required, schema }));
}

/** An answer in JSON. */
export function json(schema: Schema, description = 'Success'): Answer {
  return { status: 200, description, contentType: 'application/json', schema };
}

/** An answer without a body. */
export function empty(status: number, description: string): Answer {
  return { status, description };
}

/** An answer that is not JSON. */
export function raw(contentType: string, description: string, status = 200): Answer {
  return { status, description, contentType };
}

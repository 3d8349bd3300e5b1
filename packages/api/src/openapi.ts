import type { Answer, Endpoint, Forwarding, Parameter, RequestBody } from './endpoint.ts';
import { operationIdOf, pathParameters } from './endpoint.ts';
import { errorOut } from './endpoints/transactions.ts';
import { errorCatalogue } from './errors.ts';
import type { Schema } from './schema.ts';

/** An endpoint that a contract installed, as its bundle describes it. */
export interface AppEndpoint {
  /** Template without the frontend, as in the bundle: `/log/{id}`. */
  readonly path: string;
  readonly method: string;
  readonly forwarding: Forwarding;
  /** Names of policies; an `all_of` group is a list of its own. */
  readonly auth: readonly (string | readonly string[])[];
  /** Whether a call writes, and whether it is about a past state. */
  readonly mode: 'readwrite' | 'readonly' | 'historical';
  /** The operation object that the author wrote; it wins over what is derived. */
  readonly openapi?: unknown;
  readonly hidden?: boolean;
}

/** What the document says about itself. */
export interface DocumentInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

/** An OpenAPI 3.1 document, ready for `JSON.stringify`. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: DocumentInfo;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, unknown>>;
}

/**
 * Builds the document that `GET /<frontend>/api` serves, from rows of the table and the endpoints that a
 * contract installed (which replace built-in ones of the same path and method). Schemas with a title
 * become components. The names `CCFError` and `x-ccf-forwarding` are those of CCF's documents.
 */
export function openApi(
  info: DocumentInfo,
  rows: readonly Endpoint[],
  appEndpoints: readonly AppEndpoint[] = [],
): OpenApiDocument {
  const schemas = new Map<string, unknown>();
  const paths = new Map<string, Map<string, object>>();
  for (const row of rows.filter(({ audience }) => audience === 'public')) {
    methodsOf(paths, row.path).set(row.method.toLowerCase(), builtInOperation(row, schemas));
  }
  for (const row of appEndpoints) {
    const methods = methodsOf(paths, `/app${row.path}`);
    if (row.hidden === true) methods.delete(row.method.toLowerCase());
    else methods.set(row.method.toLowerCase(), appOperation(row));
  }
  const CCFError = errorSchema(schemas);
  return {
    openapi: '3.1.1',
    info,
    servers: [{ url: '/' }],
    paths: Object.fromEntries(
      [...paths]
        .filter(([, methods]) => methods.size > 0)
        .map(([path, methods]) => [path, Object.fromEntries(methods)]),
    ),
    components: {
      schemas: { ...Object.fromEntries(schemas), CCFError },
      responses: {
        default: {
          description: 'An error',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/CCFError' } } },
        },
      },
      securitySchemes,
      'x-ccf-forwarding': forwardingNotes,
    },
  };
}

function methodsOf(paths: Map<string, Map<string, object>>, path: string): Map<string, object> {
  const methods = paths.get(path) ?? new Map<string, object>();
  paths.set(path, methods);
  return methods;
}

const forwardingNotes: Readonly<Record<Forwarding, { value: Forwarding; description: string }>> = {
  never: { value: 'never', description: 'Always answered by the contacted node.' },
  sometimes: { value: 'sometimes', description: 'A backup may answer, or pass the request to the primary.' },
  always: { value: 'always', description: 'Answered by the primary; a backup redirects or forwards.' },
};

const clientCertificate = { type: 'mutualTLS' };
/** How the authentication policies look to OpenAPI; a signed body has no scheme of its own there. */
const securitySchemes: Readonly<Record<string, object>> = {
  user_cert: { ...clientCertificate, description: 'Client certificate of a user' },
  member_cert: { ...clientCertificate, description: 'Client certificate of a member' },
  any_cert: { ...clientCertificate, description: 'Any client certificate' },
  node_cert: { ...clientCertificate, description: 'Certificate of a node of the service' },
  jwt: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  user_cose_sign1: { type: 'http', scheme: 'cose-sign1', description: 'Body signed by a user' },
  member_cose_sign1: { type: 'http', scheme: 'cose-sign1', description: 'Body signed by a member' },
  active_member_cose_sign1: {
    type: 'http',
    scheme: 'cose-sign1',
    description: 'Body signed by an active member',
  },
};

function builtInOperation(row: Endpoint, schemas: Map<string, unknown>): object {
  const errors = row.errors.length === 0 ? {} : { 'x-coco-errors': row.errors };
  return {
    operationId: row.operationId,
    summary: row.summary,
    ...(row.parameters.length === 0
      ? {}
      : { parameters: row.parameters.map((it) => parameter(it, schemas)) }),
    ...(row.request === undefined
      ? {}
      : { requestBody: { required: true, content: requestContent(row.request, schemas) } }),
    responses: { ...answers(row.answers, schemas), default: { $ref: '#/components/responses/default' } },
    ...security(row.auth),
    ...errors,
    'x-ccf-forwarding': { $ref: `#/components/x-ccf-forwarding/${row.forwarding}` },
  };
}

function appOperation(row: AppEndpoint): object {
  const written = isRecord(row.openapi) ? row.openapi : {};
  const parameters = pathParameters(row.path);
  return {
    operationId: operationIdOf(row.method, `/app${row.path}`),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...security(row.auth),
    'x-ccf-forwarding': { $ref: `#/components/x-ccf-forwarding/${row.forwarding}` },
    'x-coco-mode': row.mode,
    ...written,
    responses: {
      ...(isRecord(written.responses) ? written.responses : { '200': { description: 'Success' } }),
      default: { $ref: '#/components/responses/default' },
    },
  };
}

function security(policies: readonly (string | readonly string[])[]): object {
  if (policies.length === 0) return {};
  const options = policies.map((policy) => (typeof policy === 'string' ? [policy] : policy));
  const known = options.map((names) => names.filter((name) => name in securitySchemes));
  return { security: known.map((names) => Object.fromEntries(names.map((name) => [name, []]))) };
}

function parameter(row: Parameter, schemas: Map<string, unknown>): object {
  return { ...row, schema: hoist(row.schema, schemas) };
}

function answers(rows: readonly Answer[], schemas: Map<string, unknown>): Record<string, object> {
  return Object.fromEntries(
    rows.map((row) => [String(row.status), { description: row.description, ...content(row, schemas) }]),
  );
}

function content(body: { contentType?: string; schema?: Schema }, schemas: Map<string, unknown>): object {
  if (body.contentType === undefined) return {};
  return { content: { [body.contentType]: { schema: hoist(body.schema ?? {}, schemas) } } };
}

function requestContent(body: RequestBody, schemas: Map<string, unknown>): object {
  const { contentType, unsigned } = body;
  const plain = { schema: hoist(body.schema ?? {}, schemas) };
  if (contentType !== 'application/cose') return { [contentType]: plain };
  // The payload inside the envelope is what the schema describes, not the body itself.
  const payload = body.schema === undefined ? {} : { 'x-coco-payload': plain.schema };
  return {
    [contentType]: { schema: { type: 'string', format: 'binary' }, ...payload },
    ...(unsigned === undefined ? {} : { [unsigned]: plain }),
  };
}

/** Moves titled schemas into components; the depth is that of our own tables. */
function hoist(schema: unknown, schemas: Map<string, unknown>): unknown {
  if (Array.isArray(schema)) return schema.map((item) => hoist(item, schemas));
  if (!isRecord(schema)) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, hoist(value, schemas)]),
  );
  if (typeof schema.title !== 'string') return inner;
  schemas.set(schema.title, inner);
  return { $ref: `#/components/schemas/${schema.title}` };
}

function errorSchema(schemas: Map<string, unknown>): object {
  hoist(errorOut, schemas);
  const { properties, ...rest } = schemas.get('CCFError') as { properties: object };
  return { ...rest, properties, 'x-coco-codes': errorCatalogue.map(([code]) => code) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

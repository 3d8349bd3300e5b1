import type { App, DeclaredEndpoint } from './app.ts';
import type { Policy } from './caller.ts';
import { SdkError } from './errors.ts';
import { jsonSchemaOf, type Schema } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;

/** A parameter of an operation. */
interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: unknown;
  readonly description?: string;
}

/** The OpenAPI 3.1 operation of an endpoint. Throws for params that are not those of the path. */
export function operationOf(endpoint: DeclaredEndpoint): Json {
  const { exported, summary, description, tags, body } = endpoint;
  const parameters = parametersOf(endpoint);
  return {
    operationId: exported,
    ...(summary === undefined ? {} : { summary }),
    ...(description === undefined ? {} : { description }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: bodyContent(body) } }),
    responses: responsesOf(endpoint),
  };
}

/** The OpenAPI 3.1 document of a declared contract by itself; a service serves its own with these operations in. */
export function openApiOf(app: App): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of app.endpoints.values()) {
    if (endpoint.hidden) continue;
    const path = `/app${endpoint.path}`;
    paths[path] ??= {};
    (paths[path] as Record<string, unknown>)[endpoint.method.toLowerCase()] = {
      ...operationOf(endpoint),
      ...securityOf(endpoint.auth),
      'x-coco-mode': endpoint.mode,
    };
  }
  const { title = 'Contract', version = '0', description } = app;
  return {
    openapi: '3.1.1',
    info: { title, version, ...(description === undefined ? {} : { description }) },
    paths,
    components: { securitySchemes, schemas: { CCFError: errorSchema } },
  };
}

function parametersOf(endpoint: DeclaredEndpoint): readonly Parameter[] {
  const named = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const path = propertiesOf(endpoint.params);
  for (const name of path?.schemas.keys() ?? []) {
    if (named.includes(name)) continue;
    const where = `${endpoint.method} ${endpoint.path}`;
    throw new SdkError(
      'DeclarationInvalid',
      `${where} declares params.${name}, which its path does not have`,
    );
  }
  const query = propertiesOf(endpoint.query);
  const transaction: Parameter = {
    name: 'x-ms-ccf-transaction-id',
    in: 'header',
    required: true,
    schema: { type: 'string', pattern: '^[0-9]+\\.[0-9]+$' },
    description: 'The transaction that is looked at',
  };
  return [
    ...named.map((name): Parameter => {
      const schema = path?.schemas.get(name) ?? { type: 'string' };
      return { name, in: 'path', required: true, schema };
    }),
    ...[...(query?.schemas ?? [])].map(([name, schema]): Parameter => {
      return { name, in: 'query', required: query?.required.has(name) === true, schema };
    }),
    ...(endpoint.mode === 'historical' ? [transaction] : []),
  ];
}

/** The properties of an object schema. */
function propertiesOf(
  schema: Schema | undefined,
): { readonly schemas: ReadonlyMap<string, unknown>; readonly required: ReadonlySet<unknown> } | undefined {
  const described = schema === undefined ? undefined : jsonSchemaOf(schema, 'input');
  if (described === undefined) return undefined;
  const { properties = {}, required = [] } = described as { properties?: object; required?: unknown[] };
  return { schemas: new Map(Object.entries(properties)), required: new Set(required) };
}

function bodyContent(body: DeclaredEndpoint['body']): Json {
  if (body === 'text') return { 'text/plain': { schema: { type: 'string' } } };
  if (body === 'bytes') return { 'application/octet-stream': {} };
  return { 'application/json': { schema: described(body as Schema, 'input') } };
}

function responsesOf({ response, status }: DeclaredEndpoint): Json {
  if (response === undefined) return { [status ?? 200]: { description: 'Success' } };
  const schema = described(response, 'output');
  return { [status ?? 200]: { description: 'Success', content: { 'application/json': { schema } } } };
}

/**
 * A JSON Schema for use inside a document. References within it are relative to the schema itself, which needs
 * an identifier of its own for that once it has definitions.
 */
function described(schema: Schema, side: 'input' | 'output'): Json {
  const body = jsonSchemaOf(schema, side) ?? {};
  if (!('$defs' in body) || '$id' in body) return body;
  return { $id: `urn:schema:${fingerprint(JSON.stringify(body))}`, ...body };
}

/** Tells schemas of one document apart; nothing rests on it. FNV-1a. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

function securityOf(policies: readonly Policy[]): Json {
  if (policies.length === 0) return {};
  const options = policies.map((policy) => (typeof policy === 'string' ? [policy] : policy.all_of));
  const schemes = (names: readonly string[]) => names.filter((name) => name in securitySchemes);
  return {
    security: options.map((names) => Object.fromEntries(schemes(names).map((name) => [name, []]))),
  };
}

/** No scheme stands for `no_auth`: an empty requirement does. */
const securitySchemes: Readonly<Record<string, Json>> = {
  user_cert: { type: 'mutualTLS', description: 'Client certificate of a user' },
  member_cert: { type: 'mutualTLS', description: 'Client certificate of a member' },
  any_cert: { type: 'mutualTLS', description: 'Any client certificate' },
  jwt: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  user_cose_sign1: { type: 'http', scheme: 'cose-sign1', description: 'Body signed by a user' },
};

const errorSchema: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        details: { type: 'array', items: { type: 'object' } },
      },
    },
  },
};

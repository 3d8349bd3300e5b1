import type { OpenApiDocument } from '../openapi.ts';

/** An answer as it came, to be held to what a document promises. */
export interface ObservedAnswer {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

type Schema = Readonly<Record<string, unknown>>;

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
  readonly 'x-coco-errors'?: readonly string[];
}

/** Codes of what happens to any request before its endpoint is reached, or after it is done. */
const everywhere: ReadonlySet<string> = new Set([
  'FrontendNotOpen',
  'InvalidAuthenticationInfo',
  'NodeHoldsNoSecrets',
  'NodeRetired',
  'PrimaryNotFound',
  'RequestBodyTooLarge',
  'RequestHeaderTooLarge',
  'SessionCapExhausted',
  'SessionConsistencyLost',
  'TooManyPendingTransactions',
  'TransactionCommitAttemptsExceedLimit',
  'TransactionReplicationFailed',
]);

/** Why an answer is none that the document allows; undefined when it is one. */
export function answerProblem(document: OpenApiDocument, observed: ObservedAnswer): string | undefined {
  const { body, contentType, method, path, status } = observed;
  const operation = operationOf(document, method, path);
  const asked = `${method} ${path}`;
  if (operation === undefined) return `${asked} is not in the document`;
  if (status >= 400) return errorProblem(document, operation, observed);
  const response = operation.responses[String(status)];
  if (response === undefined) return `${asked} is not declared to answer ${status}`;
  const declared = Object.entries(response.content ?? {});
  if (declared.length === 0)
    return body === '' ? undefined : `${asked} answers with a body, and declares none`;
  // CCF sends the bytes of a proposal without saying what they are, and so do we.
  const [, media] = declared.find(([type]) => type === (contentType ?? type)) ?? [];
  if (media === undefined) return `${asked} answers with ${contentType}, and declares ${declared[0]?.[0]}`;
  if (declared[0]?.[0] !== 'application/json') return undefined;
  const problem = mismatch(document, media.schema, JSON.parse(body), '');
  return problem === undefined ? undefined : `${asked}: ${problem}`;
}

function errorProblem(
  document: OpenApiDocument,
  operation: Operation,
  { body, method, path, status }: ObservedAnswer,
): string | undefined {
  const refusal: unknown = JSON.parse(body);
  const { CCFError = {} } = document.components.schemas as Readonly<Record<string, Schema>>;
  const problem = mismatch(document, CCFError, refusal, '');
  if (problem !== undefined) return `${method} ${path}: ${problem}`;
  const { code } = (refusal as { error: { code: string } }).error;
  const declared = everywhere.has(code) || operation['x-coco-errors']?.includes(code) === true;
  return declared ? undefined : `${method} ${path} is not declared to answer ${status} ${code}`;
}

/** The operation of the template that matches; one without parameters wins. */
function operationOf({ paths }: OpenApiDocument, method: string, path: string): Operation | undefined {
  const templates = Object.entries(paths).filter(([template]) =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/:]+')}$`).test(path),
  );
  const found = paths[path] ?? templates[0]?.[1];
  return found?.[method.toLowerCase()] as Operation | undefined;
}

const checked = new Set(
  '$ref type enum pattern anyOf items minimum required properties additionalProperties'.split(' '),
);
/** Keywords that say nothing about which values fit. */
const annotations = new Set(['title', 'description', 'contentEncoding', 'format', 'x-coco-codes']);

/** Where a value is not what a schema says. Knows the keywords of our own schemas, and refuses all others. */
function mismatch(document: OpenApiDocument, schema: Schema, value: unknown, at: string): string | undefined {
  const unknown = Object.keys(schema).find((name) => !checked.has(name) && !annotations.has(name));
  if (unknown !== undefined) return `the schema of ${at} says ${unknown}, which nobody here checks`;
  const { $ref, anyOf, enum: allowed, items, minimum, pattern, type } = schema as Record<string, never>;
  if ($ref !== undefined) return mismatch(document, referenced(document, $ref), value, at);
  const wrong = `${at || '(the whole)'} is ${JSON.stringify(value)}, but the schema says ${JSON.stringify(schema)}`;
  if (anyOf !== undefined) {
    const fits = (anyOf as Schema[]).some((each) => mismatch(document, each, value, at) === undefined);
    return fits ? undefined : wrong;
  }
  if (type !== undefined && typeOf(value) !== type && !(type === 'number' && typeOf(value) === 'integer'))
    return wrong;
  if (allowed !== undefined && !(allowed as readonly unknown[]).includes(value)) return wrong;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(String(value))) return wrong;
  if (minimum !== undefined && Number(value) < minimum) return wrong;
  if (Array.isArray(value)) {
    return items && firstOf(value.map((each, i) => () => mismatch(document, items, each, `${at}[${i}]`)));
  }
  return typeOf(value) === 'object' ? objectMismatch(document, schema, value as object, at) : undefined;
}

function objectMismatch(
  document: OpenApiDocument,
  schema: Schema,
  value: object,
  at: string,
): string | undefined {
  const {
    required = [],
    properties = {},
    additionalProperties,
  } = schema as {
    required?: readonly string[];
    properties?: Readonly<Record<string, Schema>>;
    additionalProperties?: Schema;
  };
  const missing = required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${at}.${missing} is missing`;
  return firstOf(
    Object.entries(value).map(([name, each]) => () => {
      const declared = properties[name] ?? additionalProperties;
      if (declared !== undefined) return mismatch(document, declared, each, `${at}.${name}`);
      // An object that names its fields has no others, as far as what this project answers with.
      return Object.keys(properties).length > 0 ? `${at}.${name} is not declared` : undefined;
    }),
  );
}

function referenced(document: OpenApiDocument, reference: string): Schema {
  let target: unknown = document;
  for (const name of reference.replace('#/', '').split('/'))
    target = (target as Record<string, unknown>)[name];
  return target as Schema;
}

function firstOf(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const problem = check();
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

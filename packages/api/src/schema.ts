declare const described: unique symbol;

/** A JSON Schema (2020-12) as a plain object; `T` is the TypeScript type of what it accepts. */
export interface Schema<T = unknown> {
  readonly [keyword: string]: unknown;
  readonly [described]?: T;
}

/** The TypeScript type of the values that a schema accepts. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema>>;
type Required<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };
type Optional<F extends Fields> = { readonly [K in keyof F]?: Infer<F[K]> };
type Flat<T> = { readonly [K in keyof T]: T[K] };

/**
 * An object with required and optional properties. A `title` makes it a named component of the OpenAPI
 * document. Further properties are allowed: a newer node may say more.
 */
export function object<R extends Fields, O extends Fields = Record<never, never>>(
  required: R,
  optional?: O,
  title?: string,
): Schema<Flat<Required<R> & Optional<O>>> {
  return {
    ...(title === undefined ? {} : { title }),
    type: 'object',
    properties: { ...required, ...optional },
    ...(Object.keys(required).length === 0 ? {} : { required: Object.keys(required) }),
  };
}

/** A list of `items`. */
export function array<T>(items: Schema<T>): Schema<readonly T[]> {
  return { type: 'array', items };
}

/** An object used as a dictionary: any key, one kind of value. */
export function dictionary<T>(values: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return { type: 'object', additionalProperties: values };
}

/** One of a few texts. */
export function oneOf<const T extends readonly string[]>(...values: T): Schema<T[number]> {
  return { type: 'string', enum: values };
}

/** The same, or null. */
export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return { anyOf: [schema, { type: 'null' }] };
}

/** Text, with an optional pattern and description. */
export function text(description?: string, pattern?: string): Schema<string> {
  return {
    type: 'string',
    ...(pattern === undefined ? {} : { pattern }),
    ...(description === undefined ? {} : { description }),
  };
}

/** A whole number, not negative. */
export function count(description?: string): Schema<number> {
  return { type: 'integer', minimum: 0, ...(description === undefined ? {} : { description }) };
}

/** `true` or `false`. */
export const flag: Schema<boolean> = { type: 'boolean' };
/** Any JSON value. */
export const anything: Schema<unknown> = {};
/** `<view>.<seqno>`. */
export const transactionId: Schema<string> = text('A transaction id: <view>.<seqno>', '^[0-9]+\\.[0-9]+$');
/** 32 bytes in lower-case hexadecimal: ids of members, users, nodes and proposals, digests. */
export const hex32: Schema<string> = text('32 bytes, lower-case hexadecimal', '^[0-9a-f]{64}$');
/** A PEM block. */
export const pem: Schema<string> = text('A PEM block');
/** Standard padded base64. */
export const base64: Schema<string> = { type: 'string', contentEncoding: 'base64' };

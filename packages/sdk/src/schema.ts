import { type Detail, SdkError } from './errors.ts';

/**
 * A schema of any library that follows Standard Schema (https://standardschema.dev), version 1: zod, valibot,
 * arktype and others.
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** Standard JSON Schema, the companion specification; what OpenAPI is made from. */
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: 'draft-2020-12' }) => Readonly<Record<string, unknown>>;
      readonly output: (options: { readonly target: 'draft-2020-12' }) => Readonly<Record<string, unknown>>;
    };
  };
}

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

/** What a schema accepts. */
export type InputOf<S extends Schema> = NonNullable<S['~standard']['types']>['input'];
/** What a schema makes of it. */
export type OutputOf<S extends Schema> = NonNullable<S['~standard']['types']>['output'];

/** The value as its schema makes it, or everything that is wrong with it, each named from `root` on. */
export function check<Output>(
  schema: Schema<unknown, Output>,
  value: unknown,
  root: string,
): { readonly value: Output } | { readonly wrong: readonly Detail[] } {
  const result = schema['~standard'].validate(value);
  if ('then' in result) {
    throw new SdkError(
      'SchemaUnusable',
      `the schema of ${root} checks asynchronously: a request is answered in one go, use one that does not`,
    );
  }
  if (result.issues === undefined) return { value: result.value };
  return { wrong: result.issues.map(({ message, path }) => ({ target: targetOf(root, path), message })) };
}

function targetOf(root: string, path: Issue['path'] = []): string {
  let target = root;
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment;
    target += typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
  }
  return target;
}

/** JSON Schema of what a schema accepts or gives; undefined when its library does not say. */
export function jsonSchemaOf(
  schema: Schema,
  side: 'input' | 'output',
): Readonly<Record<string, unknown>> | undefined {
  const { jsonSchema } = schema['~standard'];
  if (jsonSchema === undefined) return undefined;
  const { $schema: _, ...body } = jsonSchema[side]({ target: 'draft-2020-12' });
  return body;
}

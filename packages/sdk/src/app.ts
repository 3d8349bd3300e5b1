import type { Compensation } from './compensation.ts';
import type { Endpoint } from './endpoint.ts';
import { SdkError } from './errors.ts';
import type { DeclaredIndex } from './map-index.ts';

/** Methods that endpoints answer. */
export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'HEAD';

/** `METHOD /path/{parameter}`. */
export type Route = `${Method} /${string}`;

/** The parameters that a path names. */
export type ParameterOf<R> = R extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterOf<Rest>
  : never;

/** A declared contract: what `defineApp` gives. */
export interface App {
  /** Marks the declaration for `coco contract build`. */
  readonly kind: 'coco-app';
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly version: string | undefined;
  readonly reuseInterpreter: boolean;
  readonly endpoints: ReadonlyMap<string, DeclaredEndpoint>;
  /** By name. */
  readonly indexes: ReadonlyMap<string, DeclaredIndex>;
  /** By name. */
  readonly compensations: ReadonlyMap<string, Compensation>;
}

/** An endpoint where it is reached. */
export interface DeclaredEndpoint extends Endpoint {
  readonly method: Method;
  readonly path: string;
  /** The exported function that answers. */
  readonly exported: string;
}

/** What is said of a contract as a whole. */
export interface AppOptions {
  /** For OpenAPI. */
  readonly title?: string;
  readonly description?: string;
  readonly version?: string;
  /**
   * Modules are evaluated once and serve many requests (default true): what a module keeps in variables of its
   * own then outlives a request, differs between nodes, and must not matter. False: evaluated for each request.
   */
  readonly reuseInterpreter?: boolean;
  /** What `mapIndex` and `mapHistory` declare. */
  readonly indexes?: readonly DeclaredIndex[];
  /** What makes up for transactions that cannot be taken back, when members undo them; by the name that they propose. */
  readonly compensations?: Readonly<Record<string, Compensation>>;
}

type Fitting<T> = {
  readonly [R in keyof T]: T[R] extends Endpoint<infer P>
    ? [keyof P] extends [ParameterOf<R> | (string extends keyof P ? string : never)]
      ? T[R]
      : `${R & string} has no parameter ${Exclude<keyof P & string, ParameterOf<R>>}`
    : never;
};

/**
 * Declares a contract: `export const app = defineApp({...})` in `src/app.ts`.
 *
 * @example
 * export const app = defineApp({
 *   'GET /hello': endpoint({ mode: 'readonly', auth: [], handler: () => ({ hello: 'world' }) }),
 * });
 */
export function defineApp<const T extends { readonly [R in Route]?: Endpoint<never> | Endpoint }>(
  endpoints: T & Fitting<T>,
  options: AppOptions = {},
): App {
  const declared = new Map<string, DeclaredEndpoint>();
  const owners = new Map<string, string>();
  for (const [route, one] of Object.entries(endpoints as Record<string, Endpoint>)) {
    const made = { ...one, ...placeOf(route) };
    const owner = owners.get(made.exported);
    if (owner !== undefined) {
      throw new SdkError('DeclarationInvalid', `${route} and ${owner} cannot be told apart: rename one`);
    }
    owners.set(made.exported, route);
    declared.set(route, made);
  }
  return {
    kind: 'coco-app',
    title: options.title,
    description: options.description,
    version: options.version,
    reuseInterpreter: options.reuseInterpreter ?? true,
    endpoints: declared,
    indexes: indexesByName(options.indexes ?? []),
    compensations: compensationsByName(options.compensations ?? {}, owners),
  };
}

function compensationsByName(
  declared: Readonly<Record<string, Compensation>>,
  exported: ReadonlyMap<string, string>,
): ReadonlyMap<string, Compensation> {
  for (const name of Object.keys(declared)) {
    if (!/^[A-Za-z]\w*$/.test(name))
      throw new SdkError(
        'DeclarationInvalid',
        `the compensation ${name} needs a name of letters, digits and _`,
      );
    const owner = exported.get(name);
    if (owner !== undefined || name.startsWith('index_'))
      throw new SdkError(
        'DeclarationInvalid',
        `the compensation ${name} is called like ${owner ?? 'an index'}: rename it`,
      );
  }
  return new Map(Object.entries(declared));
}

function indexesByName(declared: readonly DeclaredIndex[]): ReadonlyMap<string, DeclaredIndex> {
  const indexes = new Map<string, DeclaredIndex>();
  for (const index of declared) {
    if (!/^\w+$/.test(index.name)) {
      throw new SdkError(
        'DeclarationInvalid',
        `the index ${index.name} needs a name of letters, digits and _`,
      );
    }
    if (indexes.has(index.name)) {
      throw new SdkError('DeclarationInvalid', `two indexes are called ${index.name}: rename one`);
    }
    indexes.set(index.name, index);
  }
  return indexes;
}

const routePattern = /^(GET|PUT|POST|PATCH|DELETE|HEAD) (\/[^\s?#]*)$/;

function placeOf(route: string): Pick<DeclaredEndpoint, 'method' | 'path' | 'exported'> {
  const [, method, path] = routePattern.exec(route) ?? [];
  if (method === undefined || path === undefined) {
    throw new SdkError('DeclarationInvalid', `${route} is not a method and a path, like "GET /notes/{id}"`);
  }
  const names = [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name ?? '');
  if (names.some((name) => !/^\w+$/.test(name)) || new Set(names).size < names.length) {
    throw new SdkError('DeclarationInvalid', `${route}: parameters are words, each used once`);
  }
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return { method: method as Method, path, exported: [method.toLowerCase(), ...words].join('_') };
}

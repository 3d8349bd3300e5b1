import type { App, DeclaredEndpoint } from './app.ts';
import type { AccessOptions } from './audience.ts';
import type { Policy } from './caller.ts';
import type { Mode } from './endpoint.ts';
import type { DeclaredIndex } from './map-index.ts';
import { operationOf } from './openapi.ts';

/** What governance installs of an endpoint: an entry of CCF's `app.json`. */
export interface EndpointMetadata {
  readonly js_module: string;
  readonly js_function: string;
  readonly forwarding_required: 'sometimes' | 'always' | 'never';
  readonly redirection_strategy: 'none' | 'to_primary';
  readonly authn_policies: readonly Policy[];
  readonly mode: Mode;
  readonly openapi: object;
  readonly openapi_hidden?: true;
  /** Coco's own. */
  readonly access?: AccessOptions;
  readonly interpreter_reuse?: { readonly key: string };
}

/** The content of `app.json`. */
export interface AppMetadata {
  readonly endpoints: Readonly<Record<string, Readonly<Record<string, EndpointMetadata>>>>;
  /** By name. An extension that CCF ignores. */
  readonly indexes?: Readonly<Record<string, IndexMetadata>>;
  /** As well: what members may have called to make up for transactions. */
  readonly compensations?: readonly { readonly js_module: string; readonly js_function: string }[];
}

/** What is installed of an index. */
export type IndexMetadata =
  | { readonly kind: 'rows'; readonly map: string; readonly js_module: string; readonly js_function: string }
  | { readonly kind: 'history'; readonly map: string };

/** Writes go to the primary; reads are served wherever they arrive. */
const routing = {
  readwrite: { forwarding_required: 'always', redirection_strategy: 'to_primary' },
  readonly: { forwarding_required: 'sometimes', redirection_strategy: 'none' },
  historical: { forwarding_required: 'never', redirection_strategy: 'none' },
} as const;

/** The `app.json` of a declaration whose functions are exported by one module. */
export function metadataOf(app: App, module: string): AppMetadata {
  const endpoints: Record<string, Record<string, EndpointMetadata>> = {};
  for (const endpoint of app.endpoints.values()) {
    endpoints[endpoint.path] ??= {};
    const methods = endpoints[endpoint.path] as Record<string, EndpointMetadata>;
    methods[endpoint.method.toLowerCase()] = endpointMetadata(app, endpoint, module);
  }
  const indexes = [...app.indexes.values()].map((index) => [index.name, indexMetadata(index, module)]);
  const compensations = [...app.compensations.keys()].map((name) => ({
    js_module: module,
    js_function: name,
  }));
  return {
    endpoints,
    ...(indexes.length === 0 ? {} : { indexes: Object.fromEntries(indexes) }),
    ...(compensations.length === 0 ? {} : { compensations }),
  };
}

/** The exported function that derives the rows of an index. */
export function derivingFunction(index: string): string {
  return `index_${index}`;
}

function indexMetadata({ name, map, kind }: DeclaredIndex, module: string): IndexMetadata {
  if (kind === 'history') return { kind, map };
  return { kind, map, js_module: module, js_function: derivingFunction(name) };
}

function endpointMetadata(app: App, endpoint: DeclaredEndpoint, module: string): EndpointMetadata {
  return {
    js_module: module,
    js_function: endpoint.exported,
    ...routing[endpoint.mode],
    authn_policies: endpoint.auth,
    mode: endpoint.mode,
    openapi: operationOf(endpoint),
    ...(endpoint.access === undefined ? {} : { access: endpoint.access }),
    ...(endpoint.hidden ? { openapi_hidden: true } : {}),
    ...(app.reuseInterpreter ? { interpreter_reuse: { key: 'app' } } : {}),
  };
}

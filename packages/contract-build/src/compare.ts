import { type Bundle, type EndpointProps, endpointsOf } from './bundle.ts';
import { limits } from './limits.ts';
import { mapsNamedIn } from './maps.ts';

/** One thing that is said differently: `openapi.requestBody...maxLength: 1000 -> 500`. */
export interface Difference {
  readonly where: string;
  /** Undefined: it was not said before. */
  readonly before: unknown;
  /** Undefined: it is not said any more. */
  readonly after: unknown;
}

/** What may change of an endpoint, in the words of members. */
export type Aspect = 'authentication' | 'mode' | 'schema' | 'routing' | 'function' | 'access';

/** An endpoint that both bundles have and that differs. */
export interface ChangedEndpoint {
  readonly route: string;
  readonly aspects: readonly Aspect[];
  readonly differences: readonly Difference[];
}

/** A module that differs. Bytes are those of its UTF-8. */
export interface ChangedModule {
  readonly name: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** What replacing one bundle by another changes. */
export interface Comparison {
  readonly endpoints: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly ChangedEndpoint[];
    readonly unchanged: number;
  };
  readonly modules: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly ChangedModule[];
  };
  /** Indexes: what is added or changed is built anew by every node. */
  readonly indexes: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
  /** Maps named in the text of modules; a name that code computes is not seen. */
  readonly maps: { readonly added: readonly string[]; readonly unnamed: readonly string[] };
}

/** Compares what is deployed with what is to replace it. */
export function compareBundles(before: Bundle, after: Bundle): Comparison {
  return {
    endpoints: compareEndpoints(before, after),
    modules: compareModules(before, after),
    indexes: compareIndexes(before, after),
    maps: compareMaps(before, after),
  };
}

function compareEndpoints(before: Bundle, after: Bundle): Comparison['endpoints'] {
  const old = new Map(endpointsOf(before).map(({ route, props }) => [route, props]));
  const present = new Map(endpointsOf(after).map(({ route, props }) => [route, props]));
  const common = [...old.keys()].filter((route) => present.has(route));
  const changed = common
    .map((route) =>
      changedEndpoint(route, old.get(route) as EndpointProps, present.get(route) as EndpointProps),
    )
    .filter((change) => change.differences.length > 0);
  return {
    added: [...present.keys()].filter((route) => !old.has(route)),
    removed: [...old.keys()].filter((route) => !present.has(route)),
    changed,
    unchanged: common.length - changed.length,
  };
}

/** Which aspect each property belongs to. */
const aspects: Readonly<Record<keyof EndpointProps, Aspect>> = {
  authn_policies: 'authentication',
  mode: 'mode',
  openapi: 'schema',
  openapi_hidden: 'schema',
  forwarding_required: 'routing',
  redirection_strategy: 'routing',
  interpreter_reuse: 'function',
  access: 'access',
  js_module: 'function',
  js_function: 'function',
};

function changedEndpoint(route: string, before: EndpointProps, after: EndpointProps): ChangedEndpoint {
  const found = new Set<Aspect>();
  const differences: Difference[] = [];
  for (const [name, aspect] of Object.entries(aspects) as [keyof EndpointProps, Aspect][]) {
    const own = differencesOf(before[name], after[name], name);
    if (own.length > 0) found.add(aspect);
    differences.push(...own);
  }
  return { route, aspects: [...found], differences: differences.slice(0, limits.differencesMax) };
}

/** Where two JSON values differ, each place once. */
export function differencesOf(before: unknown, after: unknown, where: string, depth = 0): Difference[] {
  if (Object.is(before, after)) return [];
  if (!isObject(before) || !isObject(after) || Array.isArray(before) !== Array.isArray(after)) {
    return [{ where, before, after }];
  }
  if (depth >= limits.depthMax || isListOfWords(before) || isListOfWords(after)) {
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ where, before, after }];
  }
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) =>
    differencesOf(before[name], after[name], `${where}.${name}`, depth + 1),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Lists such as policies and required names are told as a whole. */
function isListOfWords(value: object): boolean {
  return Array.isArray(value) && value.every((item) => typeof item !== 'object');
}

function compareModules(before: Bundle, after: Bundle): Comparison['modules'] {
  const old = new Map(before.modules.map(({ name, module }) => [plain(name), module]));
  const present = new Map(after.modules.map(({ name, module }) => [plain(name), module]));
  const changed = [...old].flatMap(([name, module]) => {
    const replacement = present.get(name);
    if (replacement === undefined || replacement === module) return [];
    return [{ name, bytesBefore: bytesOf(module), bytesAfter: bytesOf(replacement) }];
  });
  return {
    added: [...present.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !present.has(name)),
    changed,
  };
}

function compareIndexes(before: Bundle, after: Bundle): Comparison['indexes'] {
  const { indexes: old = {} } = before.metadata;
  const { indexes: present = {} } = after.metadata;
  return {
    added: Object.keys(present).filter((name) => !(name in old)),
    removed: Object.keys(old).filter((name) => !(name in present)),
    changed: Object.keys(present).filter(
      (name) => name in old && differencesOf(old[name], present[name], name).length > 0,
    ),
  };
}

/** Stored modules have a slash in front, those of bundles need not. */
function plain(name: string): string {
  return name.replace(/^\//, '');
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function compareMaps(before: Bundle, after: Bundle): Comparison['maps'] {
  const old = mapsOf(before);
  const present = mapsOf(after);
  return {
    added: [...present].filter((name) => !old.has(name)),
    unnamed: [...old].filter((name) => !present.has(name)),
  };
}

/** Every map that a bundle names in its text. */
export function mapsOf(bundle: Bundle): ReadonlySet<string> {
  return new Set(bundle.modules.flatMap(({ module }) => mapsNamedIn(module)).sort());
}

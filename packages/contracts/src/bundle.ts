import type { Modules } from './call.ts';
import { ContractError } from './errors.ts';
import type { IndexDeclaration } from './indexing/declaration.ts';
import { limits } from './limits.ts';
import { linkModule } from './modules/link.ts';
import { moduleKey } from './modules/resolve.ts';

/** How one endpoint is run; the names are those of CCF's bundles. */
export interface EndpointDeclaration {
  readonly js_module: string;
  readonly js_function: string;
  readonly forwarding_required: 'sometimes' | 'always' | 'never';
  readonly redirection_strategy?: 'none' | 'to_primary' | 'to_backup';
  readonly authn_policies: readonly (string | { readonly all_of: readonly string[] })[];
  readonly mode: 'readwrite' | 'readonly' | 'historical';
  readonly openapi?: Readonly<Record<string, unknown>>;
  readonly openapi_hidden?: boolean;
  readonly interpreter_reuse?: { readonly key: string };
}

/** Endpoints by path template and lower-case method: the content of `app.json`. */
export interface AppMetadata {
  readonly endpoints: Readonly<Record<string, Readonly<Record<string, EndpointDeclaration>>>>;
  /** Beyond CCF, which ignores them: indexes by name. */
  readonly indexes?: Readonly<Record<string, IndexDeclaration>>;
  /** Beyond CCF as well: functions that make up for transactions that members undo. No other may be called for it. */
  readonly compensations?: readonly CompensationDeclaration[];
}

/** A function of the bundle that members may have called to make up for transactions. */
export interface CompensationDeclaration {
  readonly js_module: string;
  readonly js_function: string;
}

/** An app as `set_js_app` takes it. */
export interface Bundle {
  readonly metadata: AppMetadata;
  readonly modules: readonly { readonly name: string; readonly module: string }[];
}

type Json = Readonly<Record<string, unknown>>;

const methods = ['get', 'head', 'post', 'put', 'delete', 'patch', 'options'];

/**
 * Checks a bundle from outside. Throws ContractError 'BundleInvalid' that names the member by its path,
 * `metadata.endpoints./log.post.mode`.
 */
export function parseBundle(value: unknown): Bundle {
  const bundle = object(value, 'bundle');
  const modules = array(bundle.modules, 'modules').map((each, i) => {
    const entry = object(each, `modules[${i}]`);
    return {
      name: text(entry.name, `modules[${i}].name`),
      module: string(entry.module, `modules[${i}].module`),
    };
  });
  if (modules.length > limits.modulesMax)
    throw invalid('modules', `at most ${limits.modulesMax} are allowed`);
  const keys = new Set<string>();
  for (const { name } of modules) {
    const key = moduleKey(name);
    if (keys.has(key)) throw invalid('modules', `${key} is there twice`);
    keys.add(key);
  }
  const metadata = parseMetadata(bundle.metadata);
  for (const [path, byMethod] of Object.entries(metadata.endpoints)) {
    for (const [method, { js_module }] of Object.entries(byMethod)) {
      if (keys.has(moduleKey(js_module))) continue;
      throw invalid(
        `metadata.endpoints.${path}.${method}.js_module`,
        `the bundle has no module ${js_module}`,
      );
    }
  }
  for (const [name, index] of Object.entries(metadata.indexes ?? {})) {
    if (index.kind === 'history' || keys.has(moduleKey(index.js_module))) continue;
    throw invalid(`metadata.indexes.${name}.js_module`, `the bundle has no module ${index.js_module}`);
  }
  for (const [i, { js_module }] of (metadata.compensations ?? []).entries()) {
    if (keys.has(moduleKey(js_module))) continue;
    throw invalid(`metadata.compensations[${i}].js_module`, `the bundle has no module ${js_module}`);
  }
  return { metadata, modules };
}

/** Checks the content of `app.json`. Throws as `parseBundle` does. */
export function parseMetadata(value: unknown): AppMetadata {
  const endpoints: Record<string, Record<string, EndpointDeclaration>> = {};
  const paths = object(object(value, 'metadata').endpoints, 'metadata.endpoints');
  for (const [path, declared] of Object.entries(paths)) {
    const where = `metadata.endpoints.${path}`;
    checkTemplate(path, where);
    const byMethod: Record<string, EndpointDeclaration> = {};
    for (const [method, properties] of Object.entries(object(declared, where))) {
      if (!methods.includes(method.toLowerCase()))
        throw invalid(`${where}.${method}`, 'it is no HTTP method');
      byMethod[method] = parseEndpoint(object(properties, `${where}.${method}`), `${where}.${method}`);
    }
    endpoints[path] = byMethod;
  }
  const { compensations, indexes } = value as Json;
  return {
    endpoints,
    ...(indexes === undefined ? {} : { indexes: parseIndexes(indexes) }),
    ...(compensations === undefined ? {} : { compensations: parseCompensations(compensations) }),
  };
}

function parseCompensations(value: unknown): CompensationDeclaration[] {
  const declared = array(value, 'metadata.compensations');
  if (declared.length > limits.compensationsMax)
    throw invalid('metadata.compensations', `at most ${limits.compensationsMax} are allowed`);
  return declared.map((each, i) => {
    const where = `metadata.compensations[${i}]`;
    const from = object(each, where);
    const js_module = text(from.js_module, `${where}.js_module`);
    return { js_module, js_function: text(from.js_function, `${where}.js_function`) };
  });
}

function parseIndexes(value: unknown): Readonly<Record<string, IndexDeclaration>> {
  const declared = Object.entries(object(value, 'metadata.indexes'));
  if (declared.length > limits.indexesMax)
    throw invalid('metadata.indexes', `at most ${limits.indexesMax} are allowed`);
  return Object.fromEntries(
    declared.map(([name, index]) => [name, parseIndex(object(index, name), `metadata.indexes.${name}`)]),
  );
}

function parseIndex(from: Json, where: string): IndexDeclaration {
  const kind = oneOf(from.kind, `${where}.kind`, ['rows', 'history'] as const);
  const map = text(from.map, `${where}.map`);
  if (kind === 'history') return { kind, map };
  const js_module = text(from.js_module, `${where}.js_module`);
  return { kind, map, js_module, js_function: text(from.js_function, `${where}.js_function`) };
}

/**
 * A bundle of the folder form: the parsed `app.json`, and every file of `src` by its path below it. Throws
 * ContractError; a module that does not parse is named with its line.
 */
export function assembleBundle(metadata: unknown, files: Modules): Bundle {
  const modules = [...files].map(([name, module]) => ({ name: name.replace(/^\//, ''), module }));
  const bundle = parseBundle({ metadata, modules });
  checkModules(bundle);
  return bundle;
}

/** Parses every module and resolves what it imports. Throws ContractError naming module and line. */
export function checkModules(bundle: Bundle): void {
  const modules = modulesOf(bundle);
  for (const [key, source] of modules) {
    for (const dependency of linkModule(key, source).dependencies) {
      if (modules.has(dependency)) continue;
      const message = `${key} imports ${dependency}, which the bundle does not have`;
      throw new ContractError('ModuleUnresolved', message, { module: key });
    }
  }
}

/** The modules of a bundle by the keys they are stored under. */
export function modulesOf(bundle: Bundle): Modules {
  return new Map(bundle.modules.map(({ name, module }) => [moduleKey(name), module]));
}

function parseEndpoint(from: Json, where: string): EndpointDeclaration {
  const optional = {
    redirection_strategy: maybe(from, 'redirection_strategy', parseRedirection, where),
    openapi: maybe(from, 'openapi', object, where),
    openapi_hidden: maybe(from, 'openapi_hidden', boolean, where),
    interpreter_reuse: maybe(from, 'interpreter_reuse', parseReuse, where),
  };
  const present = Object.entries(optional).filter(([, value]) => value !== undefined);
  return {
    js_module: text(from.js_module, `${where}.js_module`),
    js_function: text(from.js_function, `${where}.js_function`),
    forwarding_required: oneOf(from.forwarding_required, `${where}.forwarding_required`, [
      'sometimes',
      'always',
      'never',
    ] as const),
    authn_policies: array(from.authn_policies, `${where}.authn_policies`).map((policy, i) =>
      parsePolicy(policy, `${where}.authn_policies[${i}]`),
    ),
    mode: oneOf(from.mode, `${where}.mode`, ['readwrite', 'readonly', 'historical'] as const),
    ...Object.fromEntries(present),
  };
}

function parsePolicy(value: unknown, where: string): string | { all_of: string[] } {
  if (typeof value === 'string') return text(value, where);
  const all = array(object(value, where).all_of, `${where}.all_of`);
  if (all.length === 0) throw invalid(`${where}.all_of`, 'it must name a policy');
  return { all_of: all.map((policy, i) => text(policy, `${where}.all_of[${i}]`)) };
}

function parseRedirection(value: unknown, where: string): 'none' | 'to_primary' | 'to_backup' {
  return oneOf(value, where, ['none', 'to_primary', 'to_backup']);
}

function parseReuse(value: unknown, where: string): { key: string } {
  return { key: text(object(value, where).key, `${where}.key`) };
}

/** `/log/{id}/value`: parameters are named, each once. */
function checkTemplate(path: string, where: string): void {
  if (!path.startsWith('/')) throw invalid(where, 'a path begins with a slash');
  const names = [...path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name as string);
  if (/[{}]/.test(path.replace(/\{[^{}]+\}/g, ''))) throw invalid(where, 'its braces do not match');
  if (new Set(names).size !== names.length) throw invalid(where, 'a parameter is there twice');
}

function maybe<T>(
  from: Json,
  name: string,
  parse: (value: unknown, where: string) => T,
  where: string,
): T | undefined {
  const value = from[name];
  return value === undefined || value === null ? undefined : parse(value, `${where}.${name}`);
}

function object(value: unknown, where: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw invalid(where, 'it must be an object');
}

function array(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(where, 'it must be an array');
}

function string(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw invalid(where, 'it must be a string');
}

function text(value: unknown, where: string): string {
  if (string(value, where) !== '') return value as string;
  throw invalid(where, 'it must not be empty');
}

function boolean(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(where, 'it must be true or false');
}

function oneOf<T extends string>(value: unknown, where: string, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  throw invalid(where, `it must be one of ${allowed.join(', ')}`);
}

function invalid(where: string, why: string): ContractError {
  return new ContractError('BundleInvalid', `${where}: ${why}`);
}

import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { requiredV8Flags } from '@coco/contracts';
import { type Bundle, bundleIn, type Endpoints } from '../bundle.ts';
import { declaredModule, describeApp, describingSource, servingSource } from '../declaration.ts';
import { BuildError } from '../errors.ts';
import { bundleModule, type Part } from './bundler.ts';
import { checkTypes, type TypeCheck } from './check-types.ts';

/** A bundle with what was learnt on the way. */
export interface Built {
  readonly bundle: Bundle;
  /** The files that went in, and how many bytes of each are left, the largest first. */
  readonly parts: readonly Part[];
  /** What may not work in the sandbox, one line each. */
  readonly warnings: readonly string[];
  readonly types: TypeCheck;
  /** OpenAPI 3.1 of a declared contract. */
  readonly openApi?: Readonly<Record<string, unknown>>;
}

/** How to build. */
export interface BuildOptions {
  /** Check types first, where there is a `tsconfig.json` (default false). */
  readonly types?: boolean;
  /** Take code that makes code, which is refused otherwise. */
  readonly allowDynamicCode?: boolean;
  /**
   * What each module says of where it comes from: nothing, the places by which stack traces are told (default), or
   * the sources and where they lie, for a debugger on this machine.
   */
  readonly sourceMap?: 'none' | 'places' | 'sources';
}

/**
 * Builds the bundle of a contract: a folder with `app.json` or with a declaration in `src/app.ts`, `app.json`
 * itself, or a bundle that is built already (or a proposal with one). Each module that `app.json` names becomes
 * one module with everything it imports inside; its source is the file of that name, or the TypeScript file, in
 * `src/` or beside `app.json`. The same sources give the same bundle. Throws BuildError.
 */
export async function buildBundle(path: string, options: BuildOptions = {}): Promise<Built> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const file = isFolder ? describedIn(path) : path;
  if (file === undefined) return buildDeclared(resolve(path), options);
  const described = parse(file);
  const bundle = bundleIn(described, file);
  const taken = { kind: 'skipped', reason: 'the bundle is built already' } as const;
  if (bundle !== undefined) {
    return { bundle, parts: [], warnings: [], types: taken };
  }
  const { endpoints } = described;
  if (typeof endpoints !== 'object' || endpoints === null) {
    throw new BuildError('ContractInvalid', `${file} describes no endpoints`);
  }
  return buildDescribed(file, endpoints as Endpoints, options);
}

/** The file that describes a folder's contract; undefined when code declares it. */
function describedIn(folder: string): string | undefined {
  const app = join(folder, 'app.json');
  if (existsSync(app)) return app;
  if (declarationIn(folder) !== undefined) return undefined;
  const bundle = join(folder, 'bundle.json');
  if (existsSync(bundle)) return bundle;
  throw new BuildError('ContractMissing', `${folder} has neither src/app.ts nor app.json nor bundle.json`);
}

function declarationIn(folder: string): string | undefined {
  return ['src/app.ts', 'src/app.js'].find((file) => existsSync(join(folder, file)));
}

async function buildDeclared(root: string, options: BuildOptions): Promise<Built> {
  const types = typesOf(root, options);
  const file = declarationIn(root) as string;
  const describing = await bundleModule(
    root,
    { file, source: describingSource(join(root, file)) },
    { ...options, sourceMap: 'none' },
  );
  for (const flag of requiredV8Flags) setFlagsFromString(flag);
  const description = describeApp(describing.code, file);
  const { metadata, openApi } = description;
  const source = servingSource(join(root, file), description);
  const { code, parts, warnings } = await bundleModule(root, { file, source }, options);
  const bundle = { metadata, modules: [{ name: declaredModule, module: code }] };
  return { bundle, parts: largestFirst(parts), warnings, types, openApi };
}

async function buildDescribed(file: string, endpoints: Endpoints, options: BuildOptions): Promise<Built> {
  const root = dirname(resolve(file));
  const types = typesOf(root, options);
  const parts = new Map<string, number>();
  const warnings = new Set<string>();
  const modules: { name: string; module: string }[] = [];
  for (const name of moduleNames(endpoints, file)) {
    const bundled = await bundleModule(root, { file: sourceOf(root, name) }, options);
    modules.push({ name, module: bundled.code });
    for (const part of bundled.parts) parts.set(part.file, Math.max(parts.get(part.file) ?? 0, part.bytes));
    for (const warning of bundled.warnings) warnings.add(warning);
  }
  return {
    bundle: { metadata: { endpoints }, modules },
    parts: largestFirst([...parts].map(([part, bytes]) => ({ file: part, bytes }))),
    warnings: [...warnings],
    types,
  };
}

function typesOf(root: string, { types }: BuildOptions): TypeCheck {
  return types === true ? checkTypes(root) : { kind: 'skipped', reason: 'it was not asked for' };
}

function largestFirst(parts: readonly Part[]): readonly Part[] {
  return parts.toSorted((a, b) => b.bytes - a.bytes);
}

function parse(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BuildError('ContractInvalid', `${file} cannot be read as JSON: ${reason}`, { cause });
  }
}

/** The modules that endpoints name, each once, in a fixed order. */
function moduleNames(endpoints: Endpoints, file: string): readonly string[] {
  const names = new Set<string>();
  for (const [path, methods] of Object.entries(endpoints)) {
    for (const [method, { js_module: name }] of Object.entries(methods)) {
      if (typeof name !== 'string' || name.startsWith('/') || name.split('/').includes('..')) {
        throw new BuildError(
          'ContractInvalid',
          `${file}: ${method} ${path} has no js_module that lies below src/`,
        );
      }
      names.add(name);
    }
  }
  return [...names].sort();
}

function sourceOf(root: string, name: string): string {
  const typescript = name.replace(/\.js$/, '.ts');
  const candidates = [join('src', typescript), join('src', name), typescript, name];
  const found = candidates.find((candidate) => existsSync(join(root, candidate)));
  if (found !== undefined) return found;
  throw new BuildError(
    'ContractMissing',
    `the module ${name} is neither ${candidates[0]} nor ${candidates[1]} in ${root}`,
  );
}

/** A name for a contract, from where it lies. */
export function contractName(path: string): string {
  const folder = basename(path).includes('.') ? dirname(resolve(path)) : resolve(path);
  return basename(folder);
}

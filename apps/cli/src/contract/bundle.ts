import { existsSync, readFileSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Plugin } from 'rolldown';
import { CliError } from '../errors.ts';

/** A bundle as governance installs it (`set_js_app`): CCF's format. */
export interface Bundle {
  readonly metadata: { readonly endpoints: Endpoints };
  readonly modules: readonly { readonly name: string; readonly module: string }[];
}

type Endpoints = Readonly<Record<string, Readonly<Record<string, { readonly js_module: string }>>>>;

/** A bundle with what was learnt on the way. */
export interface Built {
  readonly bundle: Bundle;
  /** The files that went in, and how many bytes of each are left, the largest first. */
  readonly parts: readonly { readonly file: string; readonly bytes: number }[];
}

/**
 * Builds the bundle of a contract: a folder with `app.json`, that file itself, or a bundle that is built
 * already. Each module that `app.json` names becomes one module with everything it imports inside; its
 * source is the file of that name, or the TypeScript file, in `src/` or beside `app.json`.
 */
export async function buildBundle(path: string): Promise<Built> {
  const file = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? appFile(path) : path;
  const described = parse(file);
  if ('modules' in described) return { bundle: described as unknown as Bundle, parts: [] };
  const { endpoints } = described;
  if (typeof endpoints !== 'object' || endpoints === null) {
    throw new CliError('Failed', `${file} describes no endpoints`);
  }
  const root = dirname(resolve(file));
  const names = moduleNames(endpoints as Endpoints, file);
  const parts = new Map<string, number>();
  const modules: { name: string; module: string }[] = [];
  for (const name of names) {
    modules.push({ name, module: await bundleModule(root, sourceOf(root, name), parts) });
  }
  return {
    bundle: { metadata: { endpoints: endpoints as Endpoints }, modules },
    parts: [...parts].map(([part, bytes]) => ({ file: part, bytes })).sort((a, b) => b.bytes - a.bytes),
  };
}

function appFile(folder: string): string {
  const found = ['app.json', 'bundle.json']
    .map((name) => join(folder, name))
    .find((name) => existsSync(name));
  if (found !== undefined) return found;
  throw new CliError('Failed', `${folder} has neither app.json nor bundle.json`);
}

function parse(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('Failed', `${file} cannot be read as JSON: ${reason}`, { cause });
  }
}

/** The modules that endpoints name, each once, in a fixed order. */
function moduleNames(endpoints: Endpoints, file: string): readonly string[] {
  const names = new Set<string>();
  for (const [path, methods] of Object.entries(endpoints)) {
    for (const [method, { js_module: name }] of Object.entries(methods)) {
      if (typeof name !== 'string' || name.startsWith('/') || name.split('/').includes('..')) {
        throw new CliError('Failed', `${file}: ${method} ${path} has no js_module that lies below src/`);
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
  throw new CliError(
    'Failed',
    `the module ${name} is neither ${candidates[0]} nor ${candidates[1]} in ${root}`,
  );
}

async function bundleModule(root: string, source: string, parts: Map<string, number>): Promise<string> {
  // Loaded late: the bundler is the largest dependency of the tool, and most commands do without.
  const { rolldown } = await import('rolldown');
  const importers = new Map<string, string>();
  try {
    await using build = await rolldown({
      input: join(root, source),
      cwd: root,
      platform: 'neutral',
      resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'module', 'default'] },
      tsconfig: false,
      logLevel: 'silent',
      // No comments that name files: they differ from machine to machine, and the digest must not.
      experimental: { attachDebugInfo: 'none' },
      plugins: [sandboxOnly(root, importers)],
    });
    const { output } = await build.generate({
      format: 'esm',
      codeSplitting: false,
      comments: false,
      externalLiveBindings: false,
    });
    const [chunk] = output;
    for (const [id, module] of Object.entries(chunk.modules)) {
      const part = shortName(root, id);
      parts.set(part, Math.max(parts.get(part) ?? 0, module.renderedLength));
    }
    return chunk.code;
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('Failed', `${source} cannot be bundled: ${reason.replaceAll(`${root}/`, '')}`, {
      cause,
    });
  }
}

const nodeModules: ReadonlySet<string> = new Set(builtinModules);

/** Refuses what no contract can have, and names the way by which it came in. */
function sandboxOnly(root: string, importers: Map<string, string>): Plugin {
  return {
    name: 'sandbox-only',
    async resolveId(specifier, importer, options) {
      if (importer === undefined) return null;
      const chain = () => chainOf(root, importers, importer);
      if (specifier.startsWith('node:') || nodeModules.has(specifier)) {
        const local = specifier.startsWith('node:')
          ? null
          : await this.resolve(specifier, importer, { ...options, skipSelf: true });
        if (local === null || local.external) {
          this.error(`${specifier} is part of Node.js, which a contract does not run in: ${chain()}`);
        }
      }
      if (specifier.endsWith('.node')) this.error(`${specifier} is native code: ${chain()}`);
      const resolved = await this.resolve(specifier, importer, { ...options, skipSelf: true });
      if (resolved === null || resolved.external) this.error(`${specifier} is not installed: ${chain()}`);
      if (!importers.has(resolved.id)) importers.set(resolved.id, importer);
      return resolved;
    },
  };
}

function chainOf(root: string, importers: ReadonlyMap<string, string>, last: string): string {
  const chain: string[] = [];
  for (let at: string | undefined = last; at !== undefined && chain.length < 20; at = importers.get(at)) {
    chain.unshift(shortName(root, at));
  }
  return chain.join(' -> ');
}

/** A file as its author knows it: its place in the contract, or in its package. */
function shortName(root: string, id: string): string {
  const packaged = id.lastIndexOf('/node_modules/');
  return packaged < 0 ? relative(root, id) : id.slice(packaged + '/node_modules/'.length);
}

/** The proposal that installs a bundle. */
export function installProposal(bundle: Bundle): object {
  return { actions: [{ name: 'set_js_app', args: { bundle, disable_bytecode_cache: false } }] };
}

/** A name for a contract, from where it lies. */
export function contractName(path: string): string {
  const folder = basename(path).includes('.') ? dirname(resolve(path)) : resolve(path);
  return basename(folder);
}

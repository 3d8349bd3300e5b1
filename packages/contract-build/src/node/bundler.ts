import { builtinModules, type SourceMapPayload } from 'node:module';
import { basename, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin, RenderedModule } from 'rolldown';
import { BuildError } from '../errors.ts';
import { limits } from '../limits.ts';
import { suspectsIn } from '../suspects.ts';

/** A file that went into a module, and how many bytes of it are left. */
export interface Part {
  readonly file: string;
  readonly bytes: number;
}

/** One module that needs no other, with what it was made from. */
export interface BundledModule {
  /** Ends with its source map as a comment, unless that is not wanted. */
  readonly code: string;
  readonly parts: readonly Part[];
  /** What works only as long as nobody gets there, one line each. */
  readonly warnings: readonly string[];
}

/** What is bundled: a file of the contract, or source of ours that imports one. */
export interface Entry {
  /** Relative to the root. */
  readonly file: string;
  /** In place of the file's own; its imports are resolved as if the file made them. */
  readonly source?: string;
}

const virtualId = '\0contract-entry';

/**
 * Bundles an entry with everything it imports. Throws `NotForSandbox` for what no contract can have, naming the
 * way by which it came in, and `BundlingFailed` for the rest.
 */
export async function bundleModule(
  root: string,
  entry: Entry,
  options: { readonly allowDynamicCode?: boolean; readonly sourceMap?: 'none' | 'places' | 'sources' } = {},
): Promise<BundledModule> {
  // Loaded late: the bundler is the largest dependency of the tool, and most commands do without.
  const { rolldown } = await import('rolldown');
  const importers = new Map<string, string>();
  const file = join(root, entry.file);
  try {
    await using build = await rolldown({
      input: entry.source === undefined ? file : virtualId,
      cwd: root,
      platform: 'neutral',
      resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'module', 'default'] },
      tsconfig: false,
      logLevel: 'silent',
      // No comments that name files: they differ from machine to machine, and the digest must not.
      experimental: { attachDebugInfo: 'none' },
      plugins: [virtualEntry(file, entry.source), sandboxOnly(root, file, importers)],
    });
    const { output } = await build.generate({
      format: 'esm',
      codeSplitting: false,
      comments: false,
      externalLiveBindings: false,
      sourcemap: 'hidden',
      dir: root,
    });
    const [chunk] = output;
    const modules = Object.entries(chunk.modules).filter(([id]) => id !== virtualId);
    return {
      code: withMap(
        root,
        chunk.code,
        chunk.map as unknown as SourceMapPayload,
        options.sourceMap ?? 'places',
      ),
      parts: modules.map(([id, module]) => ({ file: shortName(root, id), bytes: module.renderedLength })),
      warnings: inspect(root, modules, importers, options.allowDynamicCode === true),
    };
  } catch (cause) {
    if (cause instanceof BuildError) throw cause;
    throw bundlingError(root, entry.file, cause);
  }
}

/**
 * Appends the source map, with the names that authors know, as the comment that debuggers look for. `places` leaves the
 * sources themselves out, so that traces can be told and nothing more is published; `sources` is for a debugger on this
 * machine and says where they lie.
 */
function withMap(
  root: string,
  code: string,
  map: SourceMapPayload,
  keep: 'none' | 'places' | 'sources',
): string {
  if (keep === 'none') return code;
  const { version, names, mappings } = map;
  const files = map.sources.map((source) => resolve(root, source));
  const sources = files.map((file) =>
    keep === 'sources' ? pathToFileURL(file).href : shortName(root, file),
  );
  // Those of packages would make a bundle larger than what a request may carry; a debugger finds them on disk.
  const isOwn = (file: string) => keep === 'sources' && !file.includes('/node_modules/') && !isSdk(file);
  const sourcesContent = files.map((file, at) => (isOwn(file) ? (map.sourcesContent[at] ?? null) : null));
  const json = JSON.stringify({ version, sources, sourcesContent, names, mappings });
  const base64 = Buffer.from(json).toString('base64');
  return `${code.trimEnd()}\n//# sourceMappingURL=data:application/json;base64,${base64}\n`;
}

/** Marks, in messages that pass through the bundler, those that are ours. */
const refusedMark = 'NotForSandbox: ';

function bundlingError(root: string, file: string, cause: unknown): BuildError {
  const reason = (cause instanceof Error ? cause.message : String(cause)).replaceAll(`${root}/`, '');
  const mark = reason.indexOf(refusedMark);
  if (mark < 0) return new BuildError('BundlingFailed', `${file} cannot be bundled: ${reason}`, { cause });
  const message = reason.slice(mark + refusedMark.length).split('\n', 1)[0] ?? '';
  return new BuildError('NotForSandbox', message, { cause });
}

function virtualEntry(file: string, source: string | undefined): Plugin {
  return {
    name: 'contract-entry',
    resolveId(specifier, importer, options) {
      if (specifier === virtualId) return virtualId;
      if (importer === virtualId) return this.resolve(specifier, file, { ...options, skipSelf: true });
      return null;
    },
    load: (id) => (id === virtualId && source !== undefined ? source : null),
  };
}

const nodeModules: ReadonlySet<string> = new Set(builtinModules);

function sandboxOnly(root: string, file: string, importers: Map<string, string>): Plugin {
  return {
    name: 'sandbox-only',
    async resolveId(specifier, from, options) {
      if (from === undefined) return null;
      const importer = from === virtualId ? file : from;
      const refuse = (what: string): never =>
        this.error(`${refusedMark}${what}: ${chainOf(root, importers, importer)}`);
      const resolve = () => this.resolve(specifier, importer, { ...options, skipSelf: true });
      if (specifier.startsWith('node:') || nodeModules.has(specifier)) {
        const local = specifier.startsWith('node:') ? null : await resolve();
        if (local === null || local.external) {
          refuse(`${specifier} is part of Node.js, which a contract does not run in`);
        }
      }
      if (specifier.endsWith('.node')) refuse(`${specifier} is native code`);
      const resolved = (await resolve()) ?? refuse(`${specifier} is not installed`);
      if (resolved.external) refuse(`${specifier} is not installed`);
      if (!importers.has(resolved.id) && resolved.id !== importer) importers.set(resolved.id, importer);
      return resolved;
    },
  };
}

/** Looks at what is left of each module: what was shaken off does not count. */
function inspect(
  root: string,
  modules: readonly (readonly [string, RenderedModule])[],
  importers: ReadonlyMap<string, string>,
  allowDynamicCode: boolean,
): readonly string[] {
  const warnings: string[] = [];
  for (const [id, { code }] of modules) {
    if (code === null) continue;
    const { dynamic, absent } = suspectsIn(code);
    const chain = chainOf(root, importers, id);
    if (dynamic.length > 0 && !allowDynamicCode) {
      const what = `${dynamic.join(' and ')}: code made while it runs, which nobody can review`;
      throw new BuildError('NotForSandbox', `${what}: ${chain}`);
    }
    if (absent.length === 0) continue;
    const what = `${absent.join(', ')}, which the sandbox does not have`;
    // A package may have a way without; an author would know.
    if (!id.includes('/node_modules/') && !isSdk(id)) {
      throw new BuildError('NotForSandbox', `${what}: ${chain}`);
    }
    warnings.push(`${shortName(root, id)} uses ${what}`);
  }
  return warnings;
}

function chainOf(root: string, importers: ReadonlyMap<string, string>, last: string): string {
  const chain: string[] = [];
  let at: string | undefined = last;
  while (at !== undefined && chain.length < limits.chainMax) {
    chain.unshift(shortName(root, at));
    at = importers.get(at);
  }
  return chain.join(' -> ');
}

/** A file as its author knows it: its place in the contract, or in its package. */
function shortName(root: string, id: string): string {
  const packaged = id.lastIndexOf('/node_modules/');
  if (packaged >= 0) return id.slice(packaged + '/node_modules/'.length);
  return isSdk(id) ? `@coco/sdk/${basename(id)}` : relative(root, id);
}

/** The SDK is linked to where it is developed when a contract lives beside it. */
function isSdk(id: string): boolean {
  return /\/packages\/sdk\/src\/[^/]+$/.test(id);
}

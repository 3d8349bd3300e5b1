import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `find` stands exactly once in the file; `replace` takes its place. */
export interface Edit {
  /** Path from the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A deliberate mistake, which a simulation of some seed has to notice. */
export interface Bug {
  readonly name: string;
  /** What is wrong, and where it has been wrong before. */
  readonly what: string;
  readonly edits: readonly Edit[];
  /** A seed whose run breaks a promise because of it. */
  readonly seed: number;
}

/** A copy of the project's modules that differs from the product; it has instances of its own of everything. */
export interface Edition {
  /** Loaded once by this name. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Modules that stand in for what a specifier means in the product: specifier to path from the root. */
  readonly standIns: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '../../..');
const rootUrl = `${pathToFileURL(root)}/`;
const editions = new Map<string, Edition>();
const mark = 'edition';

/**
 * Loads a module, and all it imports of this project, in an edition of its own: a second copy, marked by a query on
 * its address. The product itself has no switch for any of this.
 *
 * @param path from the root of the project
 */
export async function loadEdition<Exports>(path: string, edition: Edition): Promise<Exports> {
  for (const edit of edition.edits) checkEdit(edit);
  editions.set(edition.name, edition);
  return (await import(`${rootUrl}${path}?${mark}=${edition.name}`)) as Exports;
}

registerHooks({
  resolve(specifier, context, next) {
    const edition = editionOf(context.parentURL);
    if (edition === undefined) return next(specifier, context);
    const standIn = edition.standIns[specifier];
    const isReplaced = standIn !== undefined && !context.parentURL?.startsWith(rootUrl + standIn);
    const resolved = isReplaced ? { url: rootUrl + standIn } : next(specifier, context);
    // What an edition imports from this project belongs to it, too; libraries do not.
    if (!resolved.url.startsWith(rootUrl) || resolved.url.includes('/node_modules/')) return resolved;
    return { ...resolved, shortCircuit: true, url: `${resolved.url}?${mark}=${edition.name}` };
  },
  load(url, context, next) {
    const loaded = next(url, context);
    const edits = editionOf(url)?.edits.filter(({ file }) => url.startsWith(`${rootUrl}${file}?`)) ?? [];
    if (edits.length === 0) return loaded;
    return { ...loaded, source: edits.reduce(applyEdit, String(loaded.source)) };
  },
});

function editionOf(url: string | undefined): Edition | undefined {
  if (url === undefined || !url.startsWith(rootUrl)) return undefined;
  return editions.get(new URL(url).searchParams.get(mark) ?? '');
}

function applyEdit(source: string, { find, replace }: Edit): string {
  return source.split(find).join(replace);
}

/** An edit whose text is gone would change nothing, and the run that was to fail would pass. */
function checkEdit({ file, find }: Edit): void {
  const times = readFileSync(join(root, file), 'utf8').split(find).length - 1;
  if (times !== 1) throw new Error(`the text to edit stands ${times} times in ${file}: ${find}`);
}

import { registerHooks } from 'node:module';
import type { Bug, Edit } from './bugs.ts';
import type { MakeRaft } from './consortium.ts';

/** Where the product's consensus begins; what it imports is edited with it. */
const ENTRY = import.meta.resolve('@coco/consensus');
const ROOM = ENTRY.slice(0, ENTRY.lastIndexOf('/') + 1);

const active = new Map<string, readonly Edit[]>();

/**
 * Loads the product's consensus with a bug edited into it: a second copy of its modules, marked by a query.
 * The product itself has no switch for any of this.
 */
export async function loadWithBug({ name, edits }: Bug): Promise<MakeRaft> {
  active.set(name, edits);
  const { Raft } = await import(`${ENTRY}?bug=${name}`);
  return (options) => new Raft(options);
}

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const bug = context.parentURL === undefined ? null : new URL(context.parentURL).searchParams.get('bug');
    // Whatever an edited module imports from its own room is edited, too.
    if (bug === null || !resolved.url.startsWith(ROOM)) return resolved;
    return { ...resolved, url: `${resolved.url}?bug=${bug}` };
  },
  load(url, context, next) {
    const loaded = next(url, context);
    const { searchParams, pathname, protocol } = new URL(url);
    const edits = active.get(searchParams.get('bug') ?? '') ?? [];
    let source = String(loaded.source);
    for (const edit of edits) {
      if (`${protocol}//${pathname}` === ROOM + edit.file) source = apply(source, edit);
    }
    return edits.length === 0 ? loaded : { ...loaded, source };
  },
});

function apply(source: string, { file, find, replace }: Edit): string {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(`the text to edit stands ${parts.length - 1} times in ${file}: ${find}`);
  }
  return parts.join(replace);
}

import { insist, Refusal } from '../errors.ts';
import { asObject, type JsonObject, textAt } from '../json.ts';
import { type Edit, readEdit } from './edit.ts';
import type { ReadFile } from './files.ts';
import type { ManifestVector } from './subjects.ts';
import { texts } from './values.ts';

/** A mutation of `mutations.json`. */
export interface Mutation {
  /** Id of a vector, or of a part of one. */
  readonly base: string;
  readonly name: string;
  readonly edit: Edit;
  /** Why it must be refused. */
  readonly expect: string;
}

/** An entry that cannot be used: what it is called as far as that can be told, and why. */
export interface Unusable {
  readonly id: string;
  readonly mutation?: string;
  readonly expected: string;
  readonly reason: string;
}

/** What a folder says of itself, and what of that makes no sense. */
export interface FolderEntries {
  readonly vectors: readonly ManifestVector[];
  readonly mutations: readonly Mutation[];
  readonly unusable: readonly Unusable[];
}

const files = { manifest: 'manifest.json', mutations: 'mutations.json' } as const;

/**
 * Reads `manifest.json` and, where there is one, `mutations.json`. Members that are not known are left alone; an
 * entry that lacks what is needed is told of and does not keep others from being read.
 */
export function readEntries(read: ReadFile): FolderEntries {
  const unusable: Unusable[] = [];
  const vectors = entriesOf(read, files.manifest, unusable, (entry, index) => {
    const object = isObject(entry) ? entry : {};
    const named = { id: textOr(object, 'id', `vector ${index}`), expected: textOr(object, 'expected', '') };
    return usable(named, unusable, () => readVector(entry, named));
  });
  if (read(files.mutations) === undefined) return { vectors, mutations: [], unusable };
  const mutations = entriesOf(read, files.mutations, unusable, (entry, index) => {
    const object = isObject(entry) ? entry : {};
    const mutation = textOr(object, 'name', `mutation ${index}`);
    const expected = textOr(object, 'expect', 'refused');
    const named = { id: textOr(object, 'base', ''), mutation, expected };
    return usable(named, unusable, () => ({
      base: textAt(asObject(entry, 'mutation'), 'base', 'mutation'),
      name: mutation,
      edit: readEdit(object.edit ?? {}),
      expect: expected,
    }));
  });
  return { vectors, mutations, unusable };
}

function readVector(
  entry: unknown,
  { id, expected }: { readonly id: string; readonly expected: string },
): ManifestVector {
  const vector = asObject(entry, 'vector');
  textAt(vector, 'id', 'vector');
  const { files } = vector;
  const names = isObject(files) ? Object.keys(files) : texts(files, 'files');
  return { id, evaluateAt: textOr(vector, 'evaluateAt', ''), expected, files: names };
}

/** The list in a file, which is the whole of it or its member of the same name. */
function entriesOf<T>(
  read: ReadFile,
  name: string,
  unusable: Unusable[],
  take: (entry: unknown, index: number) => readonly T[],
): readonly T[] {
  const none = { id: name, expected: '' };
  const [list = []] = usable(none, unusable, () => {
    const bytes = read(name);
    insist(bytes !== undefined, `there is no ${name}`);
    const json = parse(bytes, name);
    const key = name === files.manifest ? 'vectors' : 'mutations';
    const found = isObject(json) ? json[key] : json;
    insist(Array.isArray(found), `${name} holds no list of ${key}`);
    return found as readonly unknown[];
  });
  return list.flatMap(take);
}

function parse(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Refusal(`${name} is not JSON`);
  }
}

/** What was read, or nothing and a note why. */
function usable<T>(named: Omit<Unusable, 'reason'>, unusable: Unusable[], read: () => T): readonly T[] {
  try {
    return [read()];
  } catch (error) {
    unusable.push({ ...named, reason: error instanceof Error ? error.message : String(error) });
    return [];
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOr(object: JsonObject, key: string, otherwise: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : otherwise;
}

import { fromHex } from '@coco/crypto';
import { insist, refuse } from '../errors.ts';
import { asObject, type JsonObject } from '../json.ts';

/** Reads a file of the folder by its path there; undefined when there is none. */
export type ReadFile = (path: string) => Uint8Array | undefined;

/** One change of a mutation. */
export interface Edit {
  readonly file?: string;
  readonly xor?: readonly (readonly [number, number])[];
  readonly xorFromEnd?: readonly (readonly [number, number])[];
  readonly set?: readonly (readonly [number, string])[];
  readonly truncate?: number;
  readonly append?: string;
  readonly replaceWith?: readonly string[];
  readonly jsonSwap?: { readonly key: string; readonly find: string; readonly replace: string };
  readonly policy?: JsonObject;
  readonly at?: string;
}

/** The files of a folder with an edit laid over them. A file may be replaced by several, in order. */
export type View = (path: string) => readonly Uint8Array[];

/** Reads each file once. */
export function remembered(read: ReadFile): ReadFile {
  const contents = new Map<string, Uint8Array | undefined>();
  return (path) => {
    if (!contents.has(path)) contents.set(path, read(path));
    return contents.get(path);
  };
}

/** The folder as it is. */
export function plainView(read: ReadFile): View {
  return (path) => {
    const bytes = read(path);
    return bytes === undefined ? [] : [bytes];
  };
}

/** The folder with one edit. Throws `Refusal` when the edit makes no sense. */
export function editedView(read: ReadFile, edit: Edit): View {
  const plain = plainView(read);
  const { file } = edit;
  if (file === undefined) return plain;
  const replacements = new Map<string, readonly Uint8Array[]>([[file, edited(read, file, edit)]]);
  const [other, ...more] = edit.replaceWith ?? [];
  if (other !== undefined && more.length === 0) {
    // Another attestation comes with its own signature, or nobody would look at what it says.
    const [signature, otherSignature] = [file, other].map((path) => path.replace(/\.msg$/, '.sig'));
    const bytes = signature === file ? undefined : read(otherSignature!);
    if (bytes !== undefined) replacements.set(signature!, [bytes]);
  }
  return (path) => replacements.get(path) ?? plain(path);
}

function edited(read: ReadFile, file: string, edit: Edit): readonly Uint8Array[] {
  if (edit.replaceWith !== undefined) {
    // A file that is not there stands for something else than the original: nothing.
    return edit.replaceWith.map((path) => read(path) ?? new Uint8Array(0));
  }
  let bytes = (read(file) ?? refuse(`the edit is of ${file}, which is not there`)).slice();
  for (const [offset, mask] of edit.xor ?? []) flip(bytes, offset, mask);
  for (const [distance, mask] of edit.xorFromEnd ?? []) flip(bytes, bytes.length - distance, mask);
  for (const [offset, hex] of edit.set ?? []) {
    const patch = fromHex(hex);
    insist(offset >= 0 && offset + patch.length <= bytes.length, `the edit at ${offset} is beyond ${file}`);
    bytes.set(patch, offset);
  }
  if (edit.truncate !== undefined) bytes = bytes.slice(0, edit.truncate);
  if (edit.append !== undefined) bytes = Uint8Array.from([...bytes, ...fromHex(edit.append)]);
  if (edit.jsonSwap !== undefined) bytes = swapped(bytes, edit.jsonSwap);
  return [bytes];
}

function flip(bytes: Uint8Array, offset: number, mask: number): void {
  insist(offset >= 0 && offset < bytes.length, `the edit at ${offset} is beyond the file`);
  bytes[offset] = bytes[offset]! ^ mask;
}

/** Replaces text inside one text member of a JSON file, which holds signed JSON as text. */
function swapped(
  bytes: Uint8Array,
  { key, find, replace }: NonNullable<Edit['jsonSwap']>,
): Uint8Array<ArrayBuffer> {
  const object = asObject(JSON.parse(new TextDecoder().decode(bytes)), 'edited file');
  const text = object[key];
  insist(typeof text === 'string' && text.includes(find), `"${key}" does not contain ${find}`);
  return new TextEncoder().encode(JSON.stringify({ ...object, [key]: text.replace(find, () => replace) }));
}

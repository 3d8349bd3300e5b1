import { fromHex } from '@coco/crypto';
import { insist, Refusal, refuse } from '../errors.ts';
import { asObject, type JsonObject, textAt } from '../json.ts';
import { plainView, type ReadFile, type View } from './files.ts';
import { texts, wholeNumber } from './values.ts';

/** What a mutation changes: bytes of one file, what is accepted, or the time. */
export interface Edit {
  readonly file?: string;
  /** Done to the bytes of the file, in this order. */
  readonly changes: readonly Change[];
  /** Other files that stand in the place of the file. */
  readonly replaceWith?: readonly string[];
  readonly policy: JsonObject;
  /** Milliseconds since 1970. */
  readonly at?: number;
}

type Change = (bytes: Uint8Array) => Uint8Array;

/** Nothing is changed. */
export const noEdit: Edit = { changes: [], policy: {} };

/** Operations on bytes by the names that `mutations.json` gives them, in the order they are done in. */
const operations: Readonly<Record<string, (value: unknown) => Change>> = {
  xor: (value) => patches(value, 'xor', wholeNumber, (bytes, offset, mask) => flip(bytes, offset, mask)),
  xorFromEnd: (value) =>
    patches(value, 'xorFromEnd', wholeNumber, (bytes, distance, mask) =>
      flip(bytes, bytes.length - distance, mask),
    ),
  set: (value) => patches(value, 'set', hexOf, overwrite),
  truncate: (value) => {
    const length = wholeNumber(value, 'truncate');
    return (bytes) => bytes.slice(0, length);
  },
  append: (value) => {
    const more = hexOf(value, 'append');
    return (bytes) => Uint8Array.from([...bytes, ...more]);
  },
  jsonSwap: (value) => {
    const swap = asObject(value, 'jsonSwap');
    const part = (key: string) => textAt(swap, key, 'jsonSwap');
    const [key, find, replace] = [part('key'), part('find'), part('replace')];
    return (bytes) => swapped(bytes, key, find, replace);
  },
};

const others: readonly string[] = ['file', 'replaceWith', 'policy', 'at'];

/** Reads what `mutations.json` asks. Throws `Refusal` for an operation that is not known or makes no sense. */
export function readEdit(value: unknown): Edit {
  const edit = asObject(value, 'edit');
  const unknown = Object.keys(edit).find((key) => !Object.hasOwn(operations, key) && !others.includes(key));
  insist(unknown === undefined, `the operation "${unknown}" of the edit is not known`);
  const changes = Object.entries(operations).flatMap(([name, read]) =>
    Object.hasOwn(edit, name) ? [read(edit[name])] : [],
  );
  const replaceWith =
    edit.replaceWith === undefined ? {} : { replaceWith: texts(edit.replaceWith, 'replaceWith') };
  const file = edit.file === undefined ? {} : { file: textAt(edit, 'file', 'edit') };
  const isOfFile = changes.length > 0 || edit.replaceWith !== undefined;
  insist(!isOfFile || edit.file !== undefined, 'the edit does not name the file that it changes');
  const policy = edit.policy === undefined ? {} : asObject(edit.policy, 'policy of the edit');
  const at = edit.at === undefined ? {} : { at: instant(textAt(edit, 'at', 'edit')) };
  return { ...file, changes, ...replaceWith, policy, ...at };
}

function instant(text: string): number {
  const time = Date.parse(text);
  insist(!Number.isNaN(time), `"${text}" is no time`);
  return time;
}

/** Pairs of a place and what to do there. */
function patches<T>(
  value: unknown,
  name: string,
  read: (value: unknown, name: string) => T,
  patch: (bytes: Uint8Array, place: number, what: T) => void,
): Change {
  insist(Array.isArray(value), `"${name}" is not a list`);
  const pairs = value.map((pair: unknown): readonly [number, T] => {
    insist(Array.isArray(pair) && pair.length === 2, `"${name}" holds something else than pairs`);
    return [wholeNumber(pair[0], name), read(pair[1], name)];
  });
  return (bytes) => {
    const copy = bytes.slice();
    for (const [place, what] of pairs) patch(copy, place, what);
    return copy;
  };
}

function hexOf(value: unknown, name: string): Uint8Array {
  return typeof value === 'string' ? fromHex(value) : refuse(`"${name}" is not hexadecimal`);
}

function flip(bytes: Uint8Array, offset: number, mask: number): void {
  insist(offset >= 0 && offset < bytes.length, `the edit at ${offset} is beyond the file`);
  bytes[offset] = bytes[offset]! ^ mask;
}

function overwrite(bytes: Uint8Array, offset: number, patch: Uint8Array): void {
  insist(offset + patch.length <= bytes.length, `the edit at ${offset} is beyond the file`);
  bytes.set(patch, offset);
}

/** Replaces text inside one text member of a JSON file, which holds signed JSON as text. */
function swapped(bytes: Uint8Array, key: string, find: string, replace: string): Uint8Array {
  const object = asObject(parsed(bytes), 'edited file');
  const text = object[key];
  insist(typeof text === 'string' && text.includes(find), `"${key}" does not contain ${find}`);
  return new TextEncoder().encode(JSON.stringify({ ...object, [key]: text.replace(find, () => replace) }));
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Refusal('the edited file is not JSON');
  }
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

function edited(read: ReadFile, file: string, { changes, replaceWith }: Edit): readonly Uint8Array[] {
  if (replaceWith !== undefined) {
    // A file that is not there stands for something else than the original: nothing.
    return replaceWith.map((path) => read(path) ?? new Uint8Array(0));
  }
  const bytes = read(file) ?? refuse(`the edit is of ${file}, which is missing`);
  return [changes.reduce((before, change) => change(before), bytes)];
}

import { bytesOf, textOf, viewOf } from './bytes.ts';

/** Refuses a call with another number of arguments, in the words CCF uses. */
export function requireCount(passed: number, expected: number, optional = 0): void {
  if (passed <= expected && passed >= expected - optional) return;
  const range = optional === 0 ? `${expected}` : `between ${expected - optional} and ${expected}`;
  throw new TypeError(`Passed ${passed} arguments, but expected ${range}`);
}

/** JSON in which bytes are `{ $bytes }` and undefined is `{ $undefined }`. */
export function encodeValue(value: unknown): string {
  return JSON.stringify(value === undefined ? { $undefined: true } : value, (_, item) => {
    const view = viewOf(item);
    if (view) return { $bytes: textOf(view) };
    return item === undefined ? { $undefined: true } : item;
  });
}

/** The reverse of `encodeValue`. */
export function decodeValue(text: string): unknown {
  if (!text.includes('{"$')) return JSON.parse(text);
  const decoded = JSON.parse(text, (_, item) => {
    if (typeof item !== 'object' || item === null) return item;
    return typeof item.$bytes === 'string' ? bytesOf(item.$bytes) : item;
  });
  return reviveUndefined(decoded);
}

/** A reviver cannot give undefined without deleting what it stands in, so the top is looked at once more. */
function reviveUndefined(value: unknown): unknown {
  const isMark = (item: unknown) =>
    typeof item === 'object' && item !== null && (item as { $undefined?: unknown }).$undefined === true;
  if (isMark(value)) return undefined;
  return Array.isArray(value) ? value.map((item) => (isMark(item) ? undefined : item)) : value;
}

/** What an exception says, whatever was thrown and however it resists. */
export function describeThrown(thrown: unknown): { reason: string; trace?: string } {
  let reason = 'an exception that cannot be shown';
  try {
    reason = String(thrown);
    if (typeof thrown === 'object' && thrown !== null && !(thrown instanceof Error)) {
      reason = JSON.stringify(thrown) ?? reason;
    }
  } catch {}
  try {
    const trace = (thrown as Error).stack;
    if (typeof trace === 'string') return { reason, trace: frames(trace) };
  } catch {}
  return { reason };
}

/** The frames of app code in a stack: without the repeated message, and the frames of sandbox and host. */
function frames(stack: string): string {
  const lines = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return lines.filter((line) => !/coco:sandbox|[( ](?:file|node):/.test(line)).join('\n');
}

/** What of this file runs inside, see program.ts. */
export const valuesProgram = [
  requireCount,
  encodeValue,
  decodeValue,
  reviveUndefined,
  describeThrown,
  frames,
];

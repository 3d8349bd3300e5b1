import { Refusal } from './errors.ts';
import { limits } from './limits.ts';

/** A key as text that a caller hands back to go on after it. */
export function cursorOf(key: ArrayBuffer): string {
  let cursor = '';
  for (const byte of new Uint8Array(key)) cursor += byte.toString(16).padStart(2, '0');
  return cursor;
}

/** The key of a cursor. Throws a 400 refusal for what is none: cursors come from callers. */
export function keyOfCursor(cursor: string): ArrayBuffer {
  if (cursor.length % 2 !== 0 || cursor.length > limits.cursorCharactersMax || !/^[0-9a-f]*$/.test(cursor)) {
    throw new Refusal(400, 'InvalidInput', 'cursor: is not one that this service gave out', {
      details: [{ target: 'cursor', message: 'is not one that this service gave out' }],
    });
  }
  const key = new Uint8Array(cursor.length / 2);
  for (let at = 0; at < key.length; at++) key[at] = Number.parseInt(cursor.slice(2 * at, 2 * at + 2), 16);
  return key.buffer;
}

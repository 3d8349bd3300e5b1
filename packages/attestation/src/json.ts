import { fromHex } from '@coco/crypto';
import { insist, Refusal } from './errors.ts';
import { collateralItemsMax, jsonCharsMax } from './limits.ts';

/** A JSON object whose members are not looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses JSON text that must be an object. */
export function parseJsonObject(text: string, what: string): JsonObject {
  insist(text.length <= jsonCharsMax, `${what} of ${text.length} characters: at most ${jsonCharsMax}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(`${what} is not JSON`);
  }
  return asObject(value, what);
}

/** Insists on an object. */
export function asObject(value: unknown, what: string): JsonObject {
  insist(typeof value === 'object' && value !== null && !Array.isArray(value), `${what} is not an object`);
  return value as JsonObject;
}

/** A member that must be text. */
export function textAt(object: JsonObject, key: string, what: string): string {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  insist(typeof value === 'string', `${what} has no text "${key}"`);
  return value;
}

/** A member that must be a whole number, not negative. */
export function wholeAt(object: JsonObject, key: string, what: string): number {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  insist(Number.isSafeInteger(value) && (value as number) >= 0, `${what} has no number "${key}"`);
  return value as number;
}

/** A member that must be a list. */
export function listAt(object: JsonObject, key: string, what: string): readonly unknown[] {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  insist(Array.isArray(value), `${what} has no list "${key}"`);
  insist(value.length <= collateralItemsMax, `${what} has ${value.length} entries in "${key}"`);
  return value;
}

/** A member that must be hexadecimal of so many bytes. */
export function hexAt(object: JsonObject, key: string, bytes: number, what: string): Uint8Array {
  const value = fromHex(textAt(object, key, what));
  insist(value.length === bytes, `${what}: "${key}" has ${value.length} bytes, not ${bytes}`);
  return value;
}

/** A member that must be a time in the form of RFC 3339; milliseconds since 1970. */
export function timeAt(object: JsonObject, key: string, what: string): number {
  const text = textAt(object, key, what);
  const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  insist(!Number.isNaN(time), `${what}: "${key}" is not a time`);
  return time;
}

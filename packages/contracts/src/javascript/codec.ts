import { byteStringToBytes, bytesToByteString } from '@coco/kv';
import type { HostValue } from '../call.ts';

/** A value as JSON in which bytes are `{ $bytes }` and undefined is `{ $undefined }`; see guest/values.ts. */
export function encodeHostValue(value: unknown): string {
  return JSON.stringify(value === undefined ? { $undefined: true } : value, (_, item) => {
    if (item instanceof Uint8Array) return { $bytes: bytesToByteString(item) };
    return item === undefined ? { $undefined: true } : item;
  });
}

/** The reverse. Throws SyntaxError for what is not JSON. */
export function decodeHostValue(text: string): HostValue {
  return revive(JSON.parse(text));
}

function revive(value: unknown): HostValue {
  if (typeof value !== 'object' || value === null) return value as HostValue;
  if (Array.isArray(value)) return value.map(revive);
  const entries = Object.entries(value);
  const [first] = entries;
  if (first && entries.length === 1) {
    if (first[0] === '$undefined') return undefined;
    if (first[0] === '$bytes' && typeof first[1] === 'string') return byteStringToBytes(first[1]);
  }
  return Object.fromEntries(entries.map(([name, item]) => [name, revive(item)]));
}

import type { HostValue } from '../call.ts';

/*
 * What app code passed to a host function is checked here before it is used; the guest has counted the
 * arguments and nothing more.
 */

/** Throws TypeError unless it is a string. */
export function text(value: HostValue, name: string): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`${name} must be a string`);
}

/** Throws TypeError unless it is bytes. */
export function bytes(value: HostValue, name: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`${name} must be an ArrayBuffer`);
}

/** Throws RangeError unless it is a safe integer of at least 0. */
export function count(value: HostValue, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} must be a non-negative integer`);
}

/** Throws TypeError unless it is an object with named members. */
export function record(value: HostValue, name: string): Readonly<Record<string, HostValue>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isRecord && !(value instanceof Uint8Array)) return value as Readonly<Record<string, HostValue>>;
  throw new TypeError(`${name} must be an object`);
}

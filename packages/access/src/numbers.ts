import type { ByteString } from '@coco/kv';

/** A whole number as eight bytes whose order is that of the numbers. */
export function u64(value: number): ByteString {
  const high = Math.floor(value / 2 ** 32);
  return u32(high) + u32(value >>> 0);
}

/** A whole number below 2^32 as four bytes. */
export function u32(value: number): ByteString {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** The number at a place of a byte string; exact below 2^53. */
export function readU64(bytes: ByteString, at: number): number {
  return readU32(bytes, at) * 2 ** 32 + readU32(bytes, at + 4);
}

/** The number at a place of a byte string. */
export function readU32(bytes: ByteString, at: number): number {
  const high = (bytes.charCodeAt(at) << 24) | (bytes.charCodeAt(at + 1) << 16);
  return (high | (bytes.charCodeAt(at + 2) << 8) | bytes.charCodeAt(at + 3)) >>> 0;
}

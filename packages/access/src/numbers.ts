import { readU32, u32 } from '@coco/crypto';
import type { ByteString } from '@coco/kv';

export { readU32, u32 };

/** A whole number as eight bytes whose order is that of the numbers. */
export function u64(value: number): ByteString {
  const high = Math.floor(value / 2 ** 32);
  return u32(high) + u32(value >>> 0);
}

/** The number at a place of a byte string; exact below 2^53. */
export function readU64(bytes: ByteString, at: number): number {
  return readU32(bytes, at) * 2 ** 32 + readU32(bytes, at + 4);
}

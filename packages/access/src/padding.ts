import type { ByteString } from '@coco/kv';
import { limits } from './limits.ts';

const notAscii = /[\u007f-\uffff]/;

/**
 * The size that a thing of `bytes` bytes is padded to: the next power of the root of two from `rowBytesMin` on. An
 * observer of sizes learns one of two steps per doubling; the cost is at most 41 %, a fifth on average.
 */
export function paddedSize(bytes: number): number {
  if (bytes <= limits.rowBytesMin) return limits.rowBytesMin;
  const halves = Math.ceil(2 * Math.log2(bytes / limits.rowBytesMin));
  return Math.ceil(limits.rowBytesMin * 2 ** (halves / 2));
}

const zeros: ByteString = '\0'.repeat(4096);

/** Bytes filled up with zeros to a size. */
export function zeroPadded(bytes: ByteString, size: number): ByteString {
  const missing = size - bytes.length;
  // `padEnd` puts its filling together anew each time, from many pieces.
  return missing <= zeros.length ? bytes + zeros.slice(0, missing) : bytes.padEnd(size, '\0');
}

/** JSON text filled up with blanks, which a reader of JSON does not see. ASCII alone keeps bytes and characters one. */
export function paddedJson(value: unknown): string {
  const plain = JSON.stringify(value);
  const text = notAscii.test(plain) ? plain.replace(/[\u007f-\uffff]/g, escaped) : plain;
  return text.padEnd(paddedSize(text.length), ' ');
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

import { limits } from './limits.ts';

/**
 * The size that a thing of `bytes` bytes is padded to: the next power of the root of two from `rowBytesMin` on. An
 * observer of sizes learns one of two steps per doubling; the cost is at most 41 %, a fifth on average.
 */
export function paddedSize(bytes: number): number {
  let size: number = limits.rowBytesMin;
  for (let half = 1; size < bytes; half++) size = Math.ceil(limits.rowBytesMin * 2 ** (half / 2));
  return size;
}

/** JSON text filled up with blanks, which a reader of JSON does not see. ASCII alone keeps bytes and characters one. */
export function paddedJson(value: unknown): string {
  const text = JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped);
  return text.padEnd(paddedSize(text.length), ' ');
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

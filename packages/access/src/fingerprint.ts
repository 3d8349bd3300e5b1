import type { ByteString } from '@coco/kv';

const { imul } = Math;

/**
 * MurmurHash3 (x86, 32 bits) of a byte string: what is equal, hashes equal; what is not, hardly ever. It is no secret
 * from one who tries. Source: Austin Appleby, public domain.
 */
export function murmur32(bytes: ByteString, seed: number): number {
  const { length } = bytes;
  let hash = seed;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    const word =
      bytes.charCodeAt(at) |
      (bytes.charCodeAt(at + 1) << 8) |
      (bytes.charCodeAt(at + 2) << 16) |
      (bytes.charCodeAt(at + 3) << 24);
    hash ^= scrambled(word);
    hash = (imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let i = length - 1; i >= at; i--) rest = (rest << 8) | bytes.charCodeAt(i);
  hash ^= scrambled(rest) ^ length;
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scrambled(word: number): number {
  const mixed = imul(word, 0xcc9e2d51);
  return imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

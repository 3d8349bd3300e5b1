import { backend } from '#backend';
import type { HashName } from './backend/backend.ts';
import { type ByteString, bytesOf } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { hkdfBytesMax, hmacScratchBytes } from './limits.ts';

/** SHA-256 of the bytes (of a byte string: of its bytes, one per character). 32 bytes. */
export function sha256(data: Uint8Array | ByteString): Uint8Array {
  return backend.digest('SHA-256', bytesOf(data));
}

/**
 * SHA-256 from bytes to a 32-character byte string: the form in which digests travel on hot paths. Characters
 * above 255 are a mistake of the caller that is not looked for here.
 */
export function sha256ByteString(data: Uint8Array | ByteString): ByteString {
  return backend.sha256ByteString(data);
}

/** SHA-256 as 64 lower-case hexadecimal characters: the form of node, member and service identifiers. */
export function sha256Hex(data: Uint8Array | ByteString): string {
  return sha256(data).toHex();
}

/** SHA-256, SHA-384 or SHA-512 of the bytes. */
export function digest(hash: HashName, data: Uint8Array): Uint8Array {
  return backend.digest(hash, data);
}

/** HMAC (RFC 2104) with the named hash. */
export function hmac(hash: HashName, key: Uint8Array, data: Uint8Array): Uint8Array {
  return backend.hmac(hash, key, data);
}

/** HMAC-SHA-256. For many short messages under one key, `HmacKey` costs half. */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return backend.hmac('SHA-256', key, data);
}

/** HKDF with SHA-256 (RFC 5869): `length` bytes, at most 255 * 32. An empty salt stands for 32 zero bytes. */
export function hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!Number.isInteger(length) || length < 1 || length > hkdfBytesMax) {
    throw new CryptoError('InvalidArgument', `HKDF output of ${length} bytes: expected 1 to ${hkdfBytesMax}`);
  }
  return backend.hkdfSha256(ikm, salt, info, length);
}

/** Whether two byte arrays are equal, in time that depends on their length only. Lengths are not secret. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && backend.constantTimeEqual(a, b);
}

/** SHA-256 takes its input in blocks of 64 bytes; HMAC fills one of them with the padded key. */
const blockBytes = 64;
const hashBytes = 32;

/** Where messages of usual size are laid out behind a key: synchronous code cannot interleave. */
const scratch = new Uint8Array(hmacScratchBytes);
const outerScratch = new Uint8Array(blockBytes + hashBytes);

/**
 * HMAC-SHA-256 under one key, cheap for short messages: both padded key blocks are made once and each message
 * costs two one-shot hashes. The key shows in neither `toString`, JSON nor inspection.
 */
export class HmacKey {
  readonly #inner: Uint8Array;
  readonly #outer: Uint8Array;

  constructor(key: Uint8Array) {
    const block = key.length > blockBytes ? sha256(key) : key;
    this.#inner = padded(block, 0x36);
    this.#outer = padded(block, 0x5c);
  }

  /** The 32-byte code of `message`, as a byte string. */
  sign(message: Uint8Array | ByteString): ByteString {
    const length = blockBytes + message.length;
    const target = length <= scratch.length ? scratch : new Uint8Array(length);
    target.set(this.#inner);
    if (typeof message === 'string') backend.writeByteString(message, target, blockBytes);
    else target.set(message, blockBytes);
    outerScratch.set(this.#outer);
    const inner = backend.sha256ByteString(new Uint8Array(target.buffer, 0, length));
    backend.writeByteString(inner, outerScratch, blockBytes);
    return backend.sha256ByteString(outerScratch);
  }
}

function padded(key: Uint8Array, pad: number): Uint8Array {
  const block = new Uint8Array(blockBytes).fill(pad);
  for (let i = 0; i < key.length; i++) block[i]! ^= key[i]!;
  return block;
}

import { CryptoError } from './errors.ts';

/**
 * A string in which each char code 0..255 is one byte. The same notion as in the kv room: the hot paths carry
 * digests and keys in this form, because V8 hashes, compares and concatenates it faster than small arrays.
 */
export type ByteString = string;

const hexText = /^(?:[0-9a-fA-F]{2})*$/;
const base64Text = /^[A-Za-z0-9+/]*={0,2}$/;
const base64UrlText = /^[A-Za-z0-9_-]*$/;

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Reads hexadecimal of either case; throws `InvalidEncoding` on anything else, odd lengths included. */
export function fromHex(text: string): Uint8Array {
  if (!hexText.test(text)) throw new CryptoError('InvalidEncoding', 'text is not hexadecimal');
  return Uint8Array.fromHex(text);
}

/** Base64 with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** Reads base64 strictly: padding required, no white space, unused bits zero. Throws `InvalidEncoding`. */
export function fromBase64(text: string): Uint8Array {
  if (!base64Text.test(text)) throw new CryptoError('InvalidEncoding', 'text is not base64');
  return decode(text, 'base64');
}

/** Base64url without padding (RFC 4648, section 5; RFC 7515). */
export function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

/** Reads base64url strictly: no padding, no white space, unused bits zero. Throws `InvalidEncoding`. */
export function fromBase64Url(text: string): Uint8Array {
  if (!base64UrlText.test(text)) throw new CryptoError('InvalidEncoding', 'text is not base64url');
  return decode(text + '='.repeat((4 - (text.length % 4)) % 4), 'base64url');
}

function decode(text: string, alphabet: 'base64' | 'base64url'): Uint8Array {
  try {
    return Uint8Array.fromBase64(text, { alphabet, lastChunkHandling: 'strict' });
  } catch {
    throw new CryptoError('InvalidEncoding', `text is not ${alphabet}: wrong length, padding or last bits`);
  }
}

/** Joins byte arrays. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether two byte arrays hold the same bytes. Not constant time: for public bytes only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Writes the bytes of `text` into `target` at `offset`; throws `InvalidArgument` on a char code above 255.
 */
export function writeByteString(text: ByteString, target: Uint8Array, offset: number): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff)
      throw new CryptoError('InvalidArgument', `character ${i} of a byte string is not a byte`);
    target[offset + i] = code;
  }
}

/** The bytes of a byte string. */
export function bytesOf(data: Uint8Array | ByteString): Uint8Array {
  if (typeof data !== 'string') return data;
  const bytes = new Uint8Array(data.length);
  writeByteString(data, bytes, 0);
  return bytes;
}

/** A whole number below 2^32 as four bytes, the highest first. */
export function u32(value: number): ByteString {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** The number at a place of a byte string. */
export function readU32(bytes: ByteString, at: number): number {
  const high = (bytes.charCodeAt(at) << 24) | (bytes.charCodeAt(at + 1) << 16);
  return (high | (bytes.charCodeAt(at + 2) << 8) | bytes.charCodeAt(at + 3)) >>> 0;
}

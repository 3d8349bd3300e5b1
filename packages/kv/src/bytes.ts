import { KvError } from './errors.ts';
import { latin1 } from './latin1.ts';

/**
 * Bytes as a string: each char code, 0 to 255, is one byte. Usable as a `Map` key; `<` is bytewise order.
 * See docs/decisions/0001-byte-strings.md.
 */
export type ByteString = string;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// Over a one-byte string, engines answer the first without looking at a character: none can match.
const notBytes = /[\u0100-\uffff]/;
const notAscii = /[\u0080-\uffff]/;

/** The bytes as a ByteString. */
export function bytesToByteString(bytes: Uint8Array): ByteString {
  return latin1.toText(bytes);
}

/** The ByteString as fresh bytes. Throws KvError 'InvalidBytes' for a string that is not one. */
export function byteStringToBytes(text: ByteString): Uint8Array {
  requireByteString(text);
  const bytes = new Uint8Array(text.length);
  latin1.toBytes(text, bytes, 0);
  return bytes;
}

/** Writes a ByteString into `bytes`, which must have room for it. What is none is a mistake that is not looked for. */
export function writeByteString(text: ByteString, bytes: Uint8Array, at: number): void {
  latin1.toBytes(text, bytes, at);
}

/** The UTF-8 encoding of a text; a lone surrogate becomes U+FFFD, as everywhere on the web. */
export function utf8ToByteString(text: string): ByteString {
  return notAscii.test(text) ? bytesToByteString(encoder.encode(text)) : text;
}

/** The text whose UTF-8 encoding this is. Throws KvError 'InvalidUtf8' when it is not any text's. */
export function byteStringToUtf8(bytes: ByteString): string {
  if (!notAscii.test(bytes)) return bytes;
  try {
    return decoder.decode(byteStringToBytes(bytes));
  } catch (error) {
    if (error instanceof KvError) throw error;
    throw new KvError('InvalidUtf8', `${bytes.length} bytes are not valid UTF-8`);
  }
}

/** True when every character is a byte. */
export function isByteString(text: string): boolean {
  return !notBytes.test(text);
}

function requireByteString(text: string): void {
  if (isByteString(text)) return;
  throw new KvError('InvalidBytes', 'a string with characters above 255 is not bytes: encode it first');
}

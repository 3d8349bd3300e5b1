import { type ByteString, byteStringToUtf8, utf8ToByteString } from '@coco/kv';
import { GovernanceError } from '../errors.ts';

/** How a value of a table becomes bytes and comes back. */
export interface Codec<T> {
  encode(value: T): ByteString;
  /** Throws when the bytes are not of this shape. */
  decode(bytes: ByteString): T;
}

/** The key of a table that holds one value, and the value of a table that is a set. */
export const EIGHT_ZERO_BYTES: ByteString = '\0'.repeat(8);

/** Text as its UTF-8 bytes, nothing around it: identifiers, PEM, sources. */
export const text: Codec<string> = { encode: utf8ToByteString, decode: byteStringToUtf8 };

/** Bytes as they are. */
export const raw: Codec<ByteString> = { encode: (bytes) => bytes, decode: (bytes) => bytes };

/**
 * JSON. Keys keep the order they were written in; a field that is undefined is left out, as every
 * reader of the ledger expects. The shape is trusted: only genesis, the constitution and this room
 * write these tables, and each of them validates first.
 */
export function json<T>(): Codec<T> {
  return {
    encode: (value) => utf8ToByteString(JSON.stringify(value)),
    decode: (bytes) => {
      try {
        return JSON.parse(byteStringToUtf8(bytes)) as T;
      } catch (cause) {
        throw new GovernanceError('TableCorrupt', 'A governance table holds a value that is not JSON.', {
          cause,
        });
      }
    },
  };
}

import { type AesKey, aesGcmOpen, aesGcmSeal } from '@coco/crypto';
import {
  type ByteString,
  byteStringToBytes,
  bytesToByteString,
  utf8ToByteString,
  writeByteString,
} from '@coco/kv';
import { readU32, u32 } from './numbers.ts';
import { paddedSize } from './padding.ts';

/** Bytes of the initialisation vector with which a row is sealed. */
export const vectorBytes = 12;
const tagBytes = 16;
const lengthBytes = 4;

/** Where rows of usual size are laid out to be sealed: synchronous code cannot interleave, and a fresh array is dear. */
const scratchBytes = 4096;
const scratch = new Uint8Array(scratchBytes);

/** Where a value is kept: one that was moved does not open. */
export interface RowPlace {
  readonly map: string;
  readonly key: ByteString;
}

/** A value under the key of its audience, padded, bound to its place: IV, ciphertext, tag. */
export function sealRow(key: AesKey, place: RowPlace, value: ByteString, iv: Uint8Array): ByteString {
  const bound = placeBytes(place);
  const size = paddedSize(lengthBytes + value.length);
  const input = bound.length + size <= scratchBytes ? scratch : new Uint8Array(bound.length + size);
  const padded = input.subarray(bound.length, bound.length + size);
  writeByteString(bound, input, 0);
  writeByteString(u32(value.length), padded, 0);
  writeByteString(value, padded, lengthBytes);
  padded.fill(0, lengthBytes + value.length);
  const { ciphertext, tag } = aesGcmSeal(key, iv, padded, input.subarray(0, bound.length));
  return bytesToByteString(iv) + bytesToByteString(ciphertext) + bytesToByteString(tag);
}

/** The value of a sealed row. Throws CryptoError `DecryptionFailed` for a row that is not what was sealed here. */
export function openRow(key: AesKey, place: RowPlace, row: ByteString): ByteString {
  const bytes = byteStringToBytes(row);
  const tagAt = bytes.length - tagBytes;
  const iv = bytes.subarray(0, vectorBytes);
  const ciphertext = bytes.subarray(vectorBytes, tagAt);
  const padded = bytesToByteString(
    aesGcmOpen(key, iv, ciphertext, byteStringToBytes(placeBytes(place)), bytes.subarray(tagAt)),
  );
  return padded.slice(lengthBytes, lengthBytes + readU32(padded, 0));
}

/** A place as bytes; two places never have the same. */
export function placeBytes({ map, key }: RowPlace): ByteString {
  const name = utf8ToByteString(map);
  return u32(name.length) + name + key;
}

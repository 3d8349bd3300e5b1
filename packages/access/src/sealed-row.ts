import type { Random, SealingKey } from '@coco/crypto';
import { type ByteString, utf8ToByteString } from '@coco/kv';
import { limits } from './limits.ts';
import { readU32, u32 } from './numbers.ts';
import { paddedSize, zeroPadded } from './padding.ts';

const lengthBytes = 4;

/** Where a value is kept: one that was moved does not open. */
export interface RowPlace {
  readonly map: string;
  readonly key: ByteString;
}

/** A value under the key of its audience, padded, bound to its place. `random` gives what makes it differ from all others. */
export function sealRow(key: SealingKey, place: RowPlace, value: ByteString, random: Random): ByteString {
  return key.seal(placeBytes(place), padded(value), random);
}

/** The same with a nonce of its own, which must never come with two contents. */
export function sealRowWith(
  key: SealingKey,
  nonce: Uint8Array,
  place: RowPlace,
  value: ByteString,
): ByteString {
  return key.sealWith(nonce, placeBytes(place), padded(value));
}

/** The value of a sealed row. Throws CryptoError `DecryptionFailed` for a row that is not what was sealed here. */
export function openRow(key: SealingKey, place: RowPlace, row: ByteString): ByteString {
  const content = key.open(placeBytes(place), row);
  return content.slice(lengthBytes, lengthBytes + readU32(content, 0));
}

function padded(value: ByteString): ByteString {
  const content = u32(value.length) + value;
  return zeroPadded(content, paddedSize(content.length));
}

/** Names of maps as bytes, with their length in front. */
const mapsKnown = new Map<string, ByteString>();

/** A place as bytes; two places never have the same. */
export function placeBytes({ map, key }: RowPlace): ByteString {
  return (mapsKnown.get(map) ?? mapBytes(map)) + key;
}

function mapBytes(map: string): ByteString {
  const name = utf8ToByteString(map);
  const bytes = u32(name.length) + name;
  if (mapsKnown.size >= limits.mapsKnownMax) mapsKnown.clear();
  mapsKnown.set(map, bytes);
  return bytes;
}

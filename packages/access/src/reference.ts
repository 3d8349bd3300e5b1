import { constantTimeEqual, fromBase64Url, toBase64Url } from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString } from '@coco/kv';
import { readU32, readU64, u32, u64 } from './numbers.ts';
import type { AccessSecret } from './secret.ts';

/** The place of a transaction. */
export interface Place {
  readonly view: number;
  readonly seqno: number;
}

/** Of every reference. */
export const referenceCharacters = 33;
const tagBytes = 12;

/**
 * The name under which parties know a transaction: its place, encrypted. Deterministic, so that all parties of a
 * transaction call it the same and nothing need be stored; and synthetic (SIV): what encrypts the place is made of a
 * MAC of it, so that none can be made up. An `r` and 32
 * characters of base64url: in front of them nothing that a command line would take for an option.
 */
export function sealReference(secret: AccessSecret, place: Place): string {
  const plain = u32(place.view) + u64(place.seqno);
  const tag = secret.referenceMac.sign(plain).slice(0, tagBytes);
  return `r${toBase64Url(xored(secret, tag, plain))}`;
}

/** The place a reference names; undefined for a text that is none. */
export function openReference(secret: AccessSecret, reference: string): Place | undefined {
  if (reference.length !== referenceCharacters || !/^r[A-Za-z0-9_-]+$/.test(reference)) return undefined;
  const bytes = bytesToByteString(fromBase64Url(reference.slice(1)));
  const tag = bytes.slice(0, tagBytes);
  const plain = bytesToByteString(xored(secret, tag, bytes.slice(tagBytes)).subarray(tagBytes));
  const expected = secret.referenceMac.sign(plain).slice(0, tagBytes);
  if (!constantTimeEqual(byteStringToBytes(tag), byteStringToBytes(expected))) return undefined;
  return { view: readU32(plain, 0), seqno: readU64(plain, 4) };
}

/** The tag, and behind it the content under the keystream that the tag gives; a second time undoes the first. */
function xored(secret: AccessSecret, tag: ByteString, content: ByteString): Uint8Array {
  const stream = secret.referenceStream.sign(tag);
  const bytes = new Uint8Array(tagBytes + content.length);
  for (let i = 0; i < tagBytes; i++) bytes[i] = tag.charCodeAt(i);
  for (let i = 0; i < content.length; i++) bytes[tagBytes + i] = content.charCodeAt(i) ^ stream.charCodeAt(i);
  return bytes;
}

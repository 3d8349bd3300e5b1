import { aesGcmSeal, constantTimeEqual, fromBase64Url, toBase64Url } from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString } from '@coco/kv';
import { readU32, readU64, u32, u64 } from './numbers.ts';
import type { AccessSecret } from './secret.ts';

/** The place of a transaction. */
export interface Place {
  readonly view: number;
  readonly seqno: number;
}

const nothing = new Uint8Array(0);
/** Of every reference. */
export const referenceCharacters = 32;
const ivBytes = 12;

/**
 * The name under which parties know a transaction: its place, encrypted. Deterministic, so that all parties of a
 * transaction call it the same and nothing need be stored; and synthetic-IV (the IV is a MAC of the content), so that
 * none can be made up. 32 characters of base64url.
 */
export function sealReference(secret: AccessSecret, place: Place): string {
  const plain = u32(place.view) + u64(place.seqno);
  const iv = secret.referenceMac.sign(plain).slice(0, ivBytes);
  return toBase64Url(byteStringToBytes(iv + xored(secret, iv, plain)));
}

/** The place a reference names; undefined for a text that is none. */
export function openReference(secret: AccessSecret, reference: string): Place | undefined {
  if (reference.length !== referenceCharacters || !/^[A-Za-z0-9_-]+$/.test(reference)) return undefined;
  const bytes = bytesToByteString(fromBase64Url(reference));
  const iv = bytes.slice(0, ivBytes);
  const plain = xored(secret, iv, bytes.slice(ivBytes));
  const expected = secret.referenceMac.sign(plain).slice(0, ivBytes);
  if (!constantTimeEqual(byteStringToBytes(iv), byteStringToBytes(expected))) return undefined;
  return { view: readU32(plain, 0), seqno: readU64(plain, 4) };
}

/** Counter mode is its own inverse. The tag is not needed: the IV vouches for the content. */
function xored(secret: AccessSecret, iv: ByteString, content: ByteString): ByteString {
  const sealed = aesGcmSeal(secret.referenceKey, byteStringToBytes(iv), byteStringToBytes(content), nothing);
  return bytesToByteString(sealed.ciphertext);
}

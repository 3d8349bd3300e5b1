import {
  aesGcmOpen,
  aesGcmSeal,
  CryptoError,
  concatBytes,
  fromBase64Url,
  type Random,
  toBase64Url,
} from '@coco/crypto';
import { byteStringToBytes, bytesToByteString } from '@coco/kv';
import { readU64, u64 } from './numbers.ts';
import type { Viewer } from './reader.ts';
import type { AccessSecret } from './secret.ts';

/** What a cursor is good for: one caller, one question. */
export interface CursorBinding {
  readonly viewer: Viewer;
  /** The question as text; the same text for the same question. */
  readonly query: string;
}

const ivBytes = 12;
const tagBytes = 16;
const contentBytes = 16;
const utf8 = new TextEncoder();

/** Where a list goes on, for one caller and one question, until it expires. Always of the same length. */
export function sealCursor(
  secret: AccessSecret,
  binding: CursorBinding,
  place: { readonly seqno: number; readonly expiresMs: number },
  random: Random,
): string {
  const iv = random(ivBytes);
  const content = byteStringToBytes(u64(place.seqno) + u64(place.expiresMs));
  const { ciphertext, tag } = aesGcmSeal(secret.cursorKey, iv, content, boundTo(binding));
  return toBase64Url(concatBytes(iv, ciphertext, tag));
}

/** The seqno behind a cursor; undefined for one that was tampered with, is another's, for another list, or too old. */
export function openCursor(
  secret: AccessSecret,
  binding: CursorBinding,
  cursor: string,
  nowMs: number,
): number | undefined {
  try {
    const bytes = fromBase64Url(cursor);
    if (bytes.length !== ivBytes + contentBytes + tagBytes) return undefined;
    const [iv, ciphertext] = [bytes.subarray(0, ivBytes), bytes.subarray(ivBytes, ivBytes + contentBytes)];
    const tag = bytes.subarray(ivBytes + contentBytes);
    const content = bytesToByteString(aesGcmOpen(secret.cursorKey, iv, ciphertext, boundTo(binding), tag));
    return readU64(content, 8) < nowMs ? undefined : readU64(content, 0);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function boundTo({ viewer, query }: CursorBinding): Uint8Array {
  return utf8.encode(JSON.stringify([viewer.id, query]));
}

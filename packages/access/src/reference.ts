import { fromBase64Url, toBase64Url } from '@coco/crypto';
import type { AccessSecret } from './secret.ts';

/** The place of a transaction. */
export interface Place {
  readonly view: number;
  readonly seqno: number;
}

/** Of every reference. */
export const referenceCharacters = 23;
const blockBytes = 16;
const block = new Uint8Array(blockBytes);
const words = new DataView(block.buffer);

/**
 * The name under which parties know a transaction: its place, as one block of AES under a key of the service's own. A
 * permutation: all parties call it the same, no two places have one name, and nothing need be stored. To make one up is
 * to hit, among 2^128 blocks, one of those whose content is a place that there is. An `r` and 22 characters of base64url:
 * in front of them nothing that a command line would take for an option.
 */
export function sealReference(secret: AccessSecret, { view, seqno }: Place): string {
  words.setUint32(0, view);
  words.setUint32(4, Math.floor(seqno / 2 ** 32));
  words.setUint32(8, seqno >>> 0);
  words.setUint32(12, 0);
  return `r${toBase64Url(secret.references.encrypt(block))}`;
}

/** The place a reference names; undefined for a text that is none. */
export function openReference(secret: AccessSecret, reference: string): Place | undefined {
  // The last character says two bits only: of the others one alone is right.
  if (reference.length !== referenceCharacters || !/^r[A-Za-z0-9_-]{21}[AQgw]$/.test(reference))
    return undefined;
  const bytes = secret.references.decrypt(fromBase64Url(reference.slice(1)));
  const opened = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [view, high, low, rest] = [0, 4, 8, 12].map((at) => opened.getUint32(at)) as [
    number,
    number,
    number,
    number,
  ];
  const seqno = high * 2 ** 32 + low;
  return rest === 0 && Number.isSafeInteger(seqno) ? { view, seqno } : undefined;
}

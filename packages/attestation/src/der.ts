import { insist } from './errors.ts';
import { derValueBytesMax } from './limits.ts';

/** One element of a DER structure. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Tags of the universal class that vendors use in their extensions. */
export const derTag = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  oid: 6,
  ia5: 22,
  enumerated: 10,
  sequence: 0x30,
} as const;

/**
 * Reads one strict DER element that fills `bytes`: the value of a vendor's certificate extension. The
 * certificate itself was checked when it was parsed, but not what its octet strings hold.
 */
export function readDer(bytes: Uint8Array, what: string): DerElement {
  insist(bytes.length <= derValueBytesMax, `${what} of ${bytes.length} bytes: at most ${derValueBytesMax}`);
  const [element, ...more] = elementsOf(bytes, what);
  insist(element !== undefined && more.length === 0, `${what} is not one DER element`);
  return element;
}

/** The elements one after the other in `bytes`, as in a sequence's content. */
export function elementsOf(bytes: Uint8Array, what: string): DerElement[] {
  const elements: DerElement[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const tag = bytes[offset] ?? 0;
    let length = bytes[offset + 1] ?? 0x80;
    offset += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      insist(count === 1 || count === 2, `${what} holds a DER length of ${count} bytes`);
      length = count === 1 ? (bytes[offset] ?? 0) : (bytes[offset] ?? 0) * 256 + (bytes[offset + 1] ?? 0);
      insist(length >= (count === 1 ? 0x80 : 0x100), `${what} holds a DER length not in its shortest form`);
      offset += count;
    }
    insist((tag & 0x1f) !== 0x1f && offset + length <= bytes.length, `${what} holds a DER element cut short`);
    elements.push({ tag, content: bytes.subarray(offset, offset + length) });
    offset += length;
  }
  return elements;
}

/** The elements inside a sequence. */
export function sequenceOf(element: DerElement, what: string): DerElement[] {
  insist(element.tag === derTag.sequence, `${what} is not a sequence`);
  return elementsOf(element.content, what);
}

/** A small non-negative integer or enumerated value, in its shortest form. */
export function smallInteger(element: DerElement, max: number, what: string): number {
  const { content, tag } = element;
  insist(tag === derTag.integer || tag === derTag.enumerated, `${what} is not an integer`);
  insist(content.length >= 1 && content.length <= 5 && content[0]! < 0x80, `${what} is out of range`);
  insist(content.length === 1 || content[0] !== 0 || content[1]! >= 0x80, `${what} is not in shortest form`);
  const value = content.reduce((sum, byte) => sum * 256 + byte, 0);
  insist(value <= max, `${what} is ${value}, above ${max}`);
  return value;
}

/** The content of an element that must bear `tag`. */
export function contentOf(element: DerElement | undefined, tag: number, what: string): Uint8Array {
  insist(element !== undefined && element.tag === tag, `${what} is not of DER tag ${tag}`);
  return element.content;
}

/** An object identifier in dotted notation. */
export function oidOf(element: DerElement | undefined, what: string): string {
  const content = contentOf(element, derTag.oid, what);
  insist(content.length >= 1 && content.length <= 32 && content.at(-1)! < 0x80, `${what} is malformed`);
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    insist(arc <= 0xffff_ffff, `${what} has an arc too large`);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join('.');
}

import { AsnConvert } from '@peculiar/asn1-schema';
import { CryptoError, type CryptoErrorCode, orMalformed } from './errors.ts';
import { derBytesMax, derDepthMax } from './limits.ts';

/** Where one element of a DER structure lies. */
interface Element {
  readonly tag: number;
  readonly contentStart: number;
  readonly end: number;
}

const constructed = 0x20;

/**
 * Checks that `bytes` are exactly one DER element whose lengths are definite, shortest and nested properly,
 * within the bounds of limits.ts. The ASN.1 library reads BER and recurses; after this check it meets only
 * tame input.
 */
export function checkDer(bytes: Uint8Array): void {
  if (bytes.length > derBytesMax) {
    throw new CryptoError('MalformedDer', `DER of ${bytes.length} bytes: at most ${derBytesMax}`);
  }
  const ends: number[] = [bytes.length];
  const root = readElement(bytes, 0, bytes.length);
  if (root.end !== bytes.length)
    throw new CryptoError('MalformedDer', `bytes follow the DER element at ${root.end}`);
  let offset = 0;
  while (offset < bytes.length) {
    while (offset === ends.at(-1)) ends.pop();
    const element = readElement(bytes, offset, ends.at(-1)!);
    if ((element.tag & constructed) !== 0 && element.end > element.contentStart) {
      if (ends.length > derDepthMax)
        throw new CryptoError('MalformedDer', `DER nested deeper than ${derDepthMax}`);
      ends.push(element.end);
      offset = element.contentStart;
    } else {
      offset = element.end;
    }
  }
}

function readElement(bytes: Uint8Array, start: number, limit: number): Element {
  const fail = (what: string) => new CryptoError('MalformedDer', `${what} at offset ${start}`);
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined || start + 2 > limit) throw fail('DER element cut short');
  if ((tag & 0x1f) === 0x1f) throw fail('DER tag number above 30');
  let length = first;
  let contentStart = start + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw fail('DER length is indefinite or too long');
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[contentStart + i] ?? 0);
    contentStart += count;
    if (length < 0x80 || length < 256 ** (count - 1)) throw fail('DER length is not in shortest form');
  }
  if (contentStart + length > limit) throw fail('DER element longer than what holds it');
  return { tag, contentStart, end: contentStart + length };
}

/**
 * The elements directly inside a constructed element, each with its header. `bytes` have passed `checkDer`.
 */
export function derChildren(bytes: Uint8Array): Uint8Array[] {
  const outer = readElement(bytes, 0, bytes.length);
  const children: Uint8Array[] = [];
  for (let offset = outer.contentStart; offset < outer.end; ) {
    const { end } = readElement(bytes, offset, outer.end);
    children.push(bytes.subarray(offset, end));
    offset = end;
  }
  return children;
}

/** Parses strict DER into a schema class of the ASN.1 library, or throws `code` naming `what`. */
export function parseDer<T>(bytes: Uint8Array, schema: new () => T, code: CryptoErrorCode, what: string): T {
  return orMalformed(code, `${what} is not the expected ASN.1 structure`, () => {
    checkDer(bytes);
    return AsnConvert.parse(bytes, schema);
  });
}

/** The DER of a schema object of the ASN.1 library. */
export function serializeDer(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(AsnConvert.serialize(value));
}

/** Reads `SEQUENCE { INTEGER r, INTEGER s }` strictly; the integers big-endian without leading zeros. */
export function readTwoIntegers(bytes: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const outer = readElement(bytes, 0, bytes.length);
  if (outer.tag !== 0x30 || outer.end !== bytes.length) {
    throw new CryptoError('MalformedDer', 'expected one DER sequence');
  }
  const r = readElement(bytes, outer.contentStart, outer.end);
  const s = readElement(bytes, r.end, outer.end);
  if (s.end !== outer.end) throw new CryptoError('MalformedDer', 'expected two integers');
  return [positiveInteger(bytes, r), positiveInteger(bytes, s)];
}

function positiveInteger(bytes: Uint8Array, element: Element): Uint8Array {
  const content = bytes.subarray(element.contentStart, element.end);
  const first = content[0];
  if (element.tag !== 0x02 || first === undefined || first >= 0x80) {
    throw new CryptoError('MalformedDer', 'expected a positive integer');
  }
  if (first !== 0) return content;
  if (content.length === 1 || content[1]! < 0x80)
    throw new CryptoError('MalformedDer', 'integer not in shortest form');
  return content.subarray(1);
}

/** Writes `SEQUENCE { INTEGER a, INTEGER b }` from big-endian integers, leading zeros allowed. */
export function writeTwoIntegers(a: Uint8Array, b: Uint8Array): Uint8Array {
  const content = [...integerElement(a), ...integerElement(b)];
  const header = content.length < 0x80 ? [0x30, content.length] : [0x30, 0x81, content.length];
  return Uint8Array.from([...header, ...content]);
}

function integerElement(value: Uint8Array): number[] {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) start++;
  const magnitude = [...value.subarray(start)];
  if (magnitude[0]! >= 0x80) magnitude.unshift(0);
  return [0x02, magnitude.length, ...magnitude];
}

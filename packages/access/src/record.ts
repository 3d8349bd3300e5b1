import { type ByteString, byteStringToUtf8, utf8ToByteString } from '@coco/kv';
import { type Segment, segmentBytes } from './audience.ts';
import { readU32, readU64, u32, u64 } from './numbers.ts';
import { paddedSize, zeroPadded } from './padding.ts';
import type { Reader } from './reader.ts';

/** What one audience sees of a transaction. */
export interface Part {
  readonly segment: Segment;
  /** Marks of the keys it wrote for this audience, one behind the other; see `AccessSecret.keyMark`. */
  readonly marks: ByteString;
}

/** What is remembered of a private transaction, beside what it wrote. */
export interface TransactionRecord {
  readonly view: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Method and template: `POST /orders`. */
  readonly endpoint: string;
  /** Who called, as the reader that stands for it alone; null for callers who did not say. */
  readonly by: Reader | null;
  readonly parts: readonly Part[];
}

const markBytes = 8;
/** Behind view and time. */
const endpointAt = 12;

/**
 * The value of a row of the map of transactions: view, time, endpoint and caller with their lengths, then each part
 * with the number of its marks; padded with zeros.
 */
export function encodeRecord({ view, time, endpoint, by, parts }: TransactionRecord): ByteString {
  let bytes = u32(view) + u64(time) + sized(endpoint) + sized(by ?? '') + u32(parts.length);
  for (const { segment, marks } of parts) bytes += segment + u32(marks.length / markBytes) + marks;
  return zeroPadded(bytes, paddedSize(bytes.length));
}

/** Reads what `encodeRecord` wrote. */
export function decodeRecord(bytes: ByteString): TransactionRecord {
  let at = endpointAt;
  const text = (): string => {
    const start = at + 4;
    at = start + readU32(bytes, at);
    return byteStringToUtf8(bytes.slice(start, at));
  };
  const endpoint = text();
  const by = text();
  const count = readU32(bytes, at);
  at += 4;
  const parts: Part[] = [];
  for (let i = 0; i < count; i++) {
    const marksAt = at + segmentBytes + 4;
    const marksEnd = marksAt + readU32(bytes, at + segmentBytes) * markBytes;
    parts.push({ segment: bytes.slice(at, at + segmentBytes), marks: bytes.slice(marksAt, marksEnd) });
    at = marksEnd;
  }
  return { view: readU32(bytes, 0), time: readU64(bytes, 4), endpoint, by: by === '' ? null : by, parts };
}

/** The segments of the parts of an encoded record: all that an index has to know of it. */
export function segmentsIn(bytes: ByteString): Segment[] {
  const byAt = endpointAt + 4 + readU32(bytes, endpointAt);
  let at = byAt + 4 + readU32(bytes, byAt);
  const segments: Segment[] = [];
  for (let left = readU32(bytes, at); left > 0; left--) {
    const marksAt = at + 4 + segmentBytes;
    segments.push(bytes.slice(at + 4, marksAt));
    at = marksAt + readU32(bytes, marksAt) * markBytes;
  }
  return segments;
}

/** Whether a mark is among those of a part. */
export function isMarked({ marks }: Part, mark: ByteString): boolean {
  for (let at = 0; at < marks.length; at += markBytes) if (marks.startsWith(mark, at)) return true;
  return false;
}

function sized(text: string): ByteString {
  const bytes = utf8ToByteString(text);
  return u32(bytes.length) + bytes;
}

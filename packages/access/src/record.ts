import { toHex } from '@coco/crypto';
import { type ByteString, byteStringToBytes } from '@coco/kv';
import type { Segment } from './audience.ts';
import { paddedJson } from './padding.ts';
import type { Reader } from './reader.ts';

/** What one audience sees of a transaction. */
export interface Part {
  readonly segment: Segment;
  /** Marks of the keys it wrote for this audience; see `AccessSecret.keyMark`. */
  readonly marks: readonly ByteString[];
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

type Stored = { v: number; t: number; e: string; b: string | null; p: [string, string][] };

const hexOf = (bytes: ByteString): string => toHex(byteStringToBytes(bytes));
const bytesOf = (hex: string): ByteString => String.fromCharCode(...Uint8Array.fromHex(hex));

/** The value of a row of the map of transactions: JSON, padded. */
export function encodeRecord(record: TransactionRecord): ByteString {
  const stored: Stored = {
    v: record.view,
    t: record.time,
    e: record.endpoint,
    b: record.by,
    p: record.parts.map(({ segment, marks }) => [hexOf(segment), hexOf(marks.join(''))]),
  };
  return paddedJson(stored);
}

/** Reads what `encodeRecord` wrote. */
export function decodeRecord(value: ByteString): TransactionRecord {
  const { v, t, e, b, p } = JSON.parse(value) as Stored;
  const parts = p.map(([segment, marks]) => ({ segment: bytesOf(segment), marks: marksIn(bytesOf(marks)) }));
  return { view: v, time: t, endpoint: e, by: b, parts };
}

function marksIn(bytes: ByteString): ByteString[] {
  return bytes.match(/[\s\S]{8}/g) ?? [];
}

import { type ByteString, byteStringToUtf8, utf8ToByteString } from './bytes.ts';
import type { Interval } from './cursor.ts';
import { KvError } from './errors.ts';
import type { MapName } from './write-set.ts';

/** What a transaction read of one map. Asking for the size of a map reads all of it. */
export interface MapReads {
  readonly keys: readonly ByteString[];
  readonly intervals: readonly Interval[];
}

/** What a transaction read: only the maps that were read, and never what it had written itself. */
export type ReadSet = ReadonlyMap<MapName, MapReads>;

/** The interval of a whole map. */
export const everything: Interval = { from: '', to: undefined };

/**
 * A read set as bytes. Per map: its name, the count of keys and the keys, the count of intervals and their
 * bounds; every count and length is a LEB128 number, and the length of an absent upper bound is 0, of one that
 * is there its length plus 1.
 */
export function encodeReadSet(reads: ReadSet): ByteString {
  let text = '';
  for (const [map, { keys, intervals }] of reads) {
    text += sized(utf8ToByteString(map)) + leb128(keys.length);
    for (const key of keys) text += sized(key);
    text += leb128(intervals.length);
    for (const { from, to } of intervals)
      text += sized(from) + (to === undefined ? '\x00' : leb128(to.length + 1) + to);
  }
  return text;
}

/** The read set that `encodeReadSet` wrote. Throws KvError 'InvalidReadSet' for anything else. */
export function decodeReadSet(bytes: ByteString): ReadSet {
  const reader = new Reader(bytes);
  const reads = new Map<MapName, MapReads>();
  while (!reader.atEnd) {
    const map = byteStringToUtf8(reader.sized());
    // Every committed transaction comes through here: plain loops, because they cost a tenth of what callbacks do.
    const keys: ByteString[] = [];
    for (let left = reader.count(); left > 0; left--) keys.push(reader.sized());
    const intervals: Interval[] = [];
    for (let left = reader.count(); left > 0; left--) {
      const from = reader.sized();
      const length = reader.number();
      intervals.push({ from, to: length === 0 ? undefined : reader.take(length - 1) });
    }
    if (reads.has(map)) throw malformed('a map comes twice');
    reads.set(map, { keys, intervals });
  }
  return reads;
}

function sized(bytes: ByteString): ByteString {
  return leb128(bytes.length) + bytes;
}

function leb128(value: number): ByteString {
  if (value < 0x80) return String.fromCharCode(value);
  return String.fromCharCode(0x80 | (value & 0x7f)) + leb128(value >>> 7);
}

class Reader {
  readonly #bytes: ByteString;
  #at = 0;

  constructor(bytes: ByteString) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.#at === this.#bytes.length) throw malformed('it ends too early');
      const byte = this.#bytes.charCodeAt(this.#at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw malformed('a number is too long');
  }

  take(length: number): ByteString {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed('it ends too early');
    const part = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return part;
  }

  sized(): ByteString {
    return this.take(this.number());
  }

  count(): number {
    const count = this.number();
    // Every item takes a byte at least: a count beyond that is a lie.
    if (count > this.#bytes.length - this.#at) throw malformed('a count exceeds what follows');
    return count;
  }
}

function malformed(what: string): KvError {
  return new KvError('InvalidReadSet', `a recorded read set is malformed: ${what}`);
}

import { type ByteString, byteStringToUtf8 } from '@coco/kv';
import { LedgerError, type LedgerErrorCode } from './errors.ts';
import { readLatin1 } from './latin1.ts';

/**
 * Reads little-endian fields of hostile bytes in order; every refusal names the offset. Nothing is copied
 * ahead.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #code: LedgerErrorCode;
  /** Where `bytes[0]` lies in what the caller is reading; added to reported offsets. */
  readonly #base: number;
  #at = 0;

  constructor(bytes: Uint8Array, options: { code: LedgerErrorCode; base?: number }) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#code = options.code;
    this.#base = options.base ?? 0;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  fail(what: string): never {
    const offset = this.#base + this.#at;
    throw new LedgerError(this.#code, `${what} at offset ${offset}`, { offset });
  }

  u8(what: string): number {
    return this.#bytes[this.#take(1, what)]!;
  }

  u32(what: string): number {
    return this.#view.getUint32(this.#take(4, what), true);
  }

  /** An unsigned 64-bit number that a number can hold exactly. */
  u64(what: string): number {
    const at = this.#take(8, what);
    const high = this.#view.getUint32(at + 4, true);
    if (high > 0x1fffff) {
      this.#at = at;
      this.fail(`${what} exceeds 2^53 - 1`);
    }
    return high * 2 ** 32 + this.#view.getUint32(at, true);
  }

  /** A 64-bit field whose value is not needed (reserved ones may hold anything). */
  skip(bytes: number, what: string): void {
    this.#take(bytes, what);
  }

  /** A signed 64-bit number that a number can hold exactly. */
  i64(what: string): number {
    const at = this.#take(8, what);
    const value = Number(this.#view.getBigInt64(at, true));
    if (!Number.isSafeInteger(value)) {
      this.#at = at;
      this.fail(`${what} is beyond 2^53 - 1`);
    }
    return value;
  }

  byteString(length: number, what: string): ByteString {
    const at = this.#take(length, what);
    return readLatin1(this.#bytes, at, at + length);
  }

  /** A view, not a copy. */
  bytes(length: number, what: string): Uint8Array {
    const at = this.#take(length, what);
    return this.#bytes.subarray(at, at + length);
  }

  /** Bytes preceded by their length as u64. */
  sizedByteString(what: string): ByteString {
    return this.byteString(this.u64(`length of ${what}`), what);
  }

  /** UTF-8 text preceded by its length as u64. */
  sizedText(what: string): string {
    const start = this.#at;
    const bytes = this.sizedByteString(what);
    try {
      return byteStringToUtf8(bytes);
    } catch {
      this.#at = start;
      return this.fail(`${what} is not UTF-8`);
    }
  }

  #take(length: number, what: string): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) this.fail(`${what} (${length} bytes) runs past the end`);
    this.#at = at + length;
    return at;
  }
}

import type { ByteString } from '@coco/kv';
import type { Target } from './domain.ts';
import { LedgerError } from './errors.ts';
import { writeU64 } from './frame.ts';
import { writeLatin1 } from './latin1.ts';

const firstBytes = 64 * 1024;

/** An array that grows as it is written to; for what is too large to be counted beforehand. */
export class GrowingBytes {
  readonly #bytesMax: number;
  #target: Target;
  #used = 0;

  /** With room for `expected` bytes from the beginning: each time there is too little, all is copied. */
  constructor(bytesMax: number, expected = 0) {
    this.#bytesMax = bytesMax;
    const bytes = new Uint8Array(Math.min(Math.max(expected, firstBytes), bytesMax));
    this.#target = { bytes, view: new DataView(bytes.buffer) };
  }

  get length(): number {
    return this.#used;
  }

  /** Everything written so far, for reading and for patching; stale after the next write. */
  get target(): Target {
    return this.#target;
  }

  /** Leaves out so many zero bytes; answers where they are. */
  skip(count: number): number {
    const at = this.#used;
    const needed = at + count;
    if (needed > this.#target.bytes.length) this.#grow(needed);
    this.#used = needed;
    return at;
  }

  u8(value: number): void {
    const at = this.skip(1);
    this.#target.bytes[at] = value;
  }

  u64(value: number): number {
    const at = this.skip(8);
    writeU64(this.#target.view, at, value);
    return at;
  }

  /** Overwrites eight bytes written before. */
  patchU64(at: number, value: number): void {
    writeU64(this.#target.view, at, value);
  }

  byteString(text: ByteString): void {
    const at = this.skip(text.length);
    writeLatin1(this.#target.bytes, at, text);
  }

  #grow(needed: number): void {
    if (needed > this.#bytesMax) {
      throw new LedgerError('LimitExceeded', `${needed} bytes exceed the ${this.#bytesMax} that fit`);
    }
    const size = Math.min(this.#bytesMax, Math.max(needed, 2 * this.#target.bytes.length));
    const bytes = new Uint8Array(size);
    bytes.set(this.#target.bytes.subarray(0, this.#used));
    this.#target = { bytes, view: new DataView(bytes.buffer) };
  }
}

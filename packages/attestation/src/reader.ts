import { insist } from './errors.ts';

/** Reads hostile bytes front to back; every step past the end is refused with the name of what is read. */
export class Reader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  readonly #littleEndian: boolean;
  #offset = 0;

  constructor(bytes: Uint8Array, what: string, order: 'little' | 'big') {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#what = what;
    this.#littleEndian = order === 'little';
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.bytes.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2), this.#littleEndian);
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4), this.#littleEndian);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#step(8), this.#littleEndian);
  }

  /** The next `length` bytes, without copying. */
  take(length: number): Uint8Array {
    const start = this.#step(length);
    return this.bytes.subarray(start, start + length);
  }

  hex(length: number): string {
    return this.take(length).toHex();
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** Insists that nothing is left. */
  end(): void {
    insist(this.left === 0, `${this.left} bytes follow the ${this.#what}`);
  }

  #step(length: number): number {
    const start = this.#offset;
    insist(
      length <= this.left,
      `${this.#what} is cut short: ${length} bytes wanted at offset ${start}, ${this.left} left`,
    );
    this.#offset = start + length;
    return start;
  }
}

/** Whether all bytes are zero. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

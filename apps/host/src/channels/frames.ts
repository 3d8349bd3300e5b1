/** A message on the wire: its length in four bytes, little endian, and its bytes. */
const headerBytes = 4;

/** A frame without content: "I am here". */
export const signOfLife = new Uint8Array(headerBytes);

/** The bytes that go before a message. */
export function frameHeader(length: number): Uint8Array {
  const header = new Uint8Array(headerBytes);
  new DataView(header.buffer).setUint32(0, length, true);
  return header;
}

/**
 * Takes a stream of frames apart. What a peer announces is not believed before it arrives: memory is used for bytes
 * that were received, never for a length that was claimed.
 */
export class FrameReader {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #gathered = 0;
  /** Bytes of the header or message that is arriving. */
  #wanted = headerBytes;
  #inHeader = true;

  /** Messages longer than `bytesMax` are refused. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * The messages that these bytes complete, empty ones included; null when a message is announced that is too long,
   * after which nothing more can be read.
   */
  push(bytes: Uint8Array): Uint8Array[] | null {
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      const piece = bytes.subarray(at, at + this.#wanted - this.#gathered);
      at += piece.length;
      this.#gathered += piece.length;
      this.#pieces.push(piece);
      if (this.#gathered < this.#wanted) break;
      const part = this.#take();
      if (this.#inHeader) {
        const length = new DataView(part.buffer, part.byteOffset).getUint32(0, true);
        if (length > this.#bytesMax) return null;
        if (length === 0) messages.push(part.subarray(headerBytes));
        else this.#await(length, false);
      } else {
        messages.push(part);
        this.#await(headerBytes, true);
      }
    }
    return messages;
  }

  #await(bytes: number, header: boolean): void {
    this.#wanted = bytes;
    this.#inHeader = header;
  }

  #take(): Uint8Array {
    const [first] = this.#pieces as [Uint8Array];
    const whole = this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces, this.#gathered);
    this.#pieces = [];
    this.#gathered = 0;
    return new Uint8Array(whole.buffer, whole.byteOffset, whole.length);
  }
}

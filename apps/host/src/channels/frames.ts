/** A message on the wire: its length in four bytes, little endian, and its bytes. */
const headerBytes = 4;

/** A frame without content: "I am here". */
export const signOfLife: Uint8Array = new Uint8Array(headerBytes);

/** A message as it is sent. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(headerBytes + message.length);
  new DataView(framed.buffer).setUint32(0, message.length, true);
  framed.set(message, headerBytes);
  return framed;
}

/**
 * Takes a stream of frames apart. What a peer announces is not believed before it arrives: memory is used for bytes
 * that were received, never for a length that was claimed.
 */
export class FrameReader {
  readonly #bytesMax: number;
  /** The part that is arriving, header or message, when it did not come in one piece. */
  #held = new Uint8Array(headerBytes);
  #heldBytes = 0;
  #wanted = headerBytes;
  #inHeader = true;

  /** Messages longer than `bytesMax` are refused. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Gives each message that these bytes complete, empty ones included. Answers false when a message is announced that
   * is too long, after which nothing more can be read.
   */
  push(bytes: Uint8Array, give: (message: Uint8Array) => void): boolean {
    let at = 0;
    while (at < bytes.length) {
      const piece = bytes.subarray(at, at + this.#wanted - this.#heldBytes);
      at += piece.length;
      const part = this.#complete(piece);
      if (part === null) break;
      if (this.#inHeader) {
        const length = new DataView(part.buffer, part.byteOffset).getUint32(0, true);
        if (length > this.#bytesMax) return false;
        if (length === 0) give(new Uint8Array());
        else this.#await(length, false);
      } else {
        this.#await(headerBytes, true);
        give(part);
      }
    }
    return true;
  }

  #await(bytes: number, header: boolean): void {
    this.#wanted = bytes;
    this.#inHeader = header;
  }

  /** The whole of the part that is arriving, once this piece ends it. */
  #complete(piece: Uint8Array): Uint8Array | null {
    const wanted = this.#wanted;
    if (piece.length === wanted) return new Uint8Array(piece.buffer, piece.byteOffset, wanted);
    const length = this.#heldBytes + piece.length;
    if (length > this.#held.length) {
      // By doubling, so that a message that comes a byte at a time is not copied once for each.
      const larger = new Uint8Array(Math.min(wanted, Math.max(length, 2 * this.#held.length)));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(piece, this.#heldBytes);
    this.#heldBytes = length;
    if (length < wanted) return null;
    const part = this.#held.subarray(0, length);
    this.#held = new Uint8Array(headerBytes);
    this.#heldBytes = 0;
    return part;
  }
}

import { limits } from '../limits.ts';
import { frame } from './frames.ts';

/** Messages on their way to one peer, as the bytes of their frames; bounded in number and bytes. */
export class SendQueue {
  #frames: Uint8Array[] = [];
  /** Bytes of the first frame that were taken already. */
  #taken = 0;
  #bytes = 0;

  get length(): number {
    return this.#frames.length;
  }

  /** What is sent next belongs to a frame that was begun: nothing may come between. */
  get isWithinFrame(): boolean {
    return this.#taken > 0;
  }

  /** Takes a message in, unless the queue is full or the message is not one. */
  push(message: Uint8Array): boolean {
    const { channelQueueMax, channelQueueBytesMax, channelMessageBytesMax } = limits;
    if (message.length === 0 || message.length > channelMessageBytesMax) return false;
    if (this.#frames.length >= channelQueueMax || this.#bytes >= channelQueueBytesMax) return false;
    const framed = frame(message);
    this.#frames.push(framed);
    this.#bytes += framed.length;
    return true;
  }

  /** The next bytes to send, at most so many. */
  take(bytesMax: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let [done, room] = [0, bytesMax];
    while (done < this.#frames.length && room > 0) {
      const frame = this.#frames[done]!;
      const piece = frame.subarray(this.#taken, this.#taken + room);
      pieces.push(piece);
      room -= piece.length;
      this.#bytes -= piece.length;
      this.#taken += piece.length;
      if (this.#taken < frame.length) break;
      done += 1;
      this.#taken = 0;
    }
    this.#frames.splice(0, done);
    return pieces;
  }

  /** Forgets everything, and answers how many messages that was. */
  clear(): number {
    const lost = this.#frames.length;
    this.#frames = [];
    this.#taken = 0;
    this.#bytes = 0;
    return lost;
  }
}

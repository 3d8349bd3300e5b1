import type { BlockCipher } from './aes.ts';
import { keyStreamAheadBytesMax } from './limits.ts';

/** Of AES. */
export const blockBytes = 16;
/** What stands in front of the number in a counter block. */
export const nonceBytes = 12;

/** Where counter blocks are laid out: the cipher copies them, and synchronous code cannot interleave. */
const scratch = new DataView(new ArrayBuffer(keyStreamAheadBytesMax));

/**
 * At least so many bytes of the key stream of counter mode (NIST SP 800-38A, 6.5): one block encrypted after the other, the
 * initial counter block first. Its last four bytes are a number that goes up. Four bytes to a word, in the order of the
 * machine, in which they are to be combined with a message.
 */
export function keyStream(cipher: BlockCipher, start: Uint8Array, bytes: number): Uint32Array {
  const length = Math.ceil(bytes / blockBytes) * blockBytes;
  const blocks = length <= scratch.byteLength ? scratch : new DataView(new ArrayBuffer(length));
  const first = new DataView(start.buffer, start.byteOffset, blockBytes);
  const [high, middle, low] = [first.getUint32(0), first.getUint32(4), first.getUint32(8)];
  let number = first.getUint32(nonceBytes);
  for (let at = 0; at < length; at += blockBytes) {
    blocks.setUint32(at, high);
    blocks.setUint32(at + 4, middle);
    blocks.setUint32(at + 8, low);
    blocks.setUint32(at + nonceBytes, number++);
  }
  const stream = cipher.encrypt(new Uint8Array(blocks.buffer, 0, length));
  return new Uint32Array(stream.buffer, stream.byteOffset, length / 4);
}

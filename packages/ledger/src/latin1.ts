import type { ByteString } from '@coco/kv';

/** What a Buffer can do natively, in a few tens of nanoseconds whatever the length. Absent in browsers. */
interface NativeLatin1 {
  latin1Write(this: Uint8Array, text: string, offset: number, length: number): number;
  latin1Slice(this: Uint8Array, start: number, end: number): string;
}

const native = (globalThis as { Buffer?: { prototype: NativeLatin1 } }).Buffer?.prototype;
const nativeWrite = native?.latin1Write;
const nativeSlice = native?.latin1Slice;

/** Arguments of one `String.fromCharCode` call. */
const charactersPerCall = 4096;

/** The same without a Buffer, as browsers run it. */
export const portableLatin1 = {
  write(target: Uint8Array, offset: number, text: ByteString): void {
    for (let i = 0; i < text.length; i++) target[offset + i] = text.charCodeAt(i);
  },
  read(source: Uint8Array, start: number, end: number): ByteString {
    let text = '';
    for (let at = start; at < end; at += charactersPerCall) {
      const part = source.subarray(at, Math.min(end, at + charactersPerCall));
      text += String.fromCharCode.apply(null, part as unknown as number[]);
    }
    return text;
  },
} as const;

/** Writes the bytes of `text` at `offset`. The room must be there: the caller has counted. */
export const writeLatin1: (target: Uint8Array, offset: number, text: ByteString) => void =
  nativeWrite === undefined
    ? portableLatin1.write
    : (target, offset, text) => {
        nativeWrite.call(target, text, offset, text.length);
      };

/** The bytes from `start` to `end` as a ByteString. */
export const readLatin1: (source: Uint8Array, start: number, end: number) => ByteString =
  nativeSlice === undefined
    ? portableLatin1.read
    : (source, start, end) => nativeSlice.call(source, start, end);

/** The two copies between bytes and strings of bytes (see bytes.ts). */
export interface Latin1 {
  toText(bytes: Uint8Array): string;
  /** Writes the text into `bytes`, which must have room for it. */
  toBytes(text: string, bytes: Uint8Array, at: number): void;
}

/** Arguments of one `String.fromCharCode` call: engines bound the stack they may take. */
const charactersPerCall = 4096;

/** Below this a loop beats a call into the runtime; found by measurement. */
const loopBytesMax = 32;

/** In the language alone, for any engine. */
export const portableLatin1: Latin1 = {
  toText(bytes) {
    let text = '';
    for (let start = 0; start < bytes.length; start += charactersPerCall) {
      text += String.fromCharCode(...bytes.subarray(start, start + charactersPerCall));
    }
    return text;
  },
  toBytes(text, bytes, at) {
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  },
};

/** What Node.js hangs on its byte arrays: the same copies, ten to fifty times faster from 200 bytes on. */
interface RuntimeCopies {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, at: number): number;
}

function runtimeLatin1(): Latin1 | undefined {
  const { Buffer: runtime } = globalThis as { Buffer?: { prototype: Partial<RuntimeCopies> } };
  const { latin1Slice, latin1Write } = runtime?.prototype ?? {};
  if (latin1Slice === undefined || latin1Write === undefined) return undefined;
  return {
    toText: (bytes) => latin1Slice.call(bytes, 0, bytes.length),
    toBytes(text, bytes, at) {
      if (text.length <= loopBytesMax) portableLatin1.toBytes(text, bytes, at);
      else latin1Write.call(bytes, text, at);
    },
  };
}

/** The runtime's own copies where it has them. */
export const latin1: Latin1 = runtimeLatin1() ?? portableLatin1;

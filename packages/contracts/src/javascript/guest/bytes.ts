// Code of this folder runs inside the isolate: its text is taken with `toString`, see program.ts. It may use
// nothing from outside but the other functions and classes of the program, and the language itself.

/** The bytes of a ByteString, as the buffer that app code sees. */
export function bytesOf(text: string): ArrayBuffer {
  const { length } = text;
  const view = new Uint8Array(length);
  for (let i = 0; i < length; i++) view[i] = text.charCodeAt(i);
  return view.buffer;
}

/** The ByteString of some bytes. */
export function textOf(view: Uint8Array): string {
  const { length } = view;
  if (length <= 1024) return String.fromCharCode.apply(null, view as unknown as number[]);
  let text = '';
  for (let at = 0; at < length; at += 8192) {
    text += String.fromCharCode.apply(null, view.subarray(at, at + 8192) as unknown as number[]);
  }
  return text;
}

/** The bytes of a buffer or of a view on one; undefined for anything else. */
export function viewOf(value: unknown): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Whether a string holds ASCII only. A loop: regular expressions are slow where their prototype is frozen. */
function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** UTF-8 of a text; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): string {
  return isAscii(text) ? text : unescape(encodeURIComponent(text.toWellFormed()));
}

/** UTF-8 of a text, as a buffer: in one pass when it is ASCII. */
export function encodeText(text: string): ArrayBuffer {
  const { length } = text;
  const view = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return bytesOf(encodeUtf8(text));
    view[i] = code;
  }
  return view.buffer;
}

/** The text of UTF-8 bytes. What is not UTF-8 becomes U+FFFD, as it does in CCF. */
export function decodeUtf8(bytes: string): string {
  if (isAscii(bytes)) return bytes;
  try {
    return decodeURIComponent(escape(bytes));
  } catch {
    return decodeLenient(bytes);
  }
}

/** The same of what has to be UTF-8, as JSON has; throws a SyntaxError when it is not. */
export function decodeStrict(bytes: string): string {
  if (isAscii(bytes)) return bytes;
  try {
    return decodeURIComponent(escape(bytes));
  } catch {
    throw new SyntaxError('The text is not UTF-8');
  }
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/** Character by character; slow, and only for bytes that are not UTF-8 somewhere. */
export function decodeLenient(bytes: string): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes.charCodeAt(at));
    let piece = '\ufffd';
    let taken = 1;
    if (length > 0) {
      try {
        piece = decodeURIComponent(escape(bytes.slice(at, at + length)));
        taken = length;
      } catch {}
    }
    text += piece;
    at += taken;
  }
  return text;
}

/** What of this file runs inside, see program.ts. */
export const bytesProgram = [
  bytesOf,
  textOf,
  viewOf,
  isAscii,
  encodeUtf8,
  encodeText,
  decodeUtf8,
  decodeStrict,
  sequenceLength,
  decodeLenient,
];

import { decodeUtf8, encodeText, textOf, viewOf } from './bytes.ts';

/** Encodes text as UTF-8: the web's class of this name, which libraries look for. */
export class Utf8Encoder {
  get encoding(): string {
    return 'utf-8';
  }

  encode(text: unknown = ''): Uint8Array {
    return new Uint8Array(encodeText(String(text)));
  }

  encodeInto(text: unknown, target: Uint8Array): { read: number; written: number } {
    let read = 0;
    let written = 0;
    for (const character of String(text)) {
      const bytes = this.encode(character);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }
}

/** Decodes UTF-8, and nothing else: the web's class of this name, without streams. */
export class Utf8Decoder {
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;

  constructor(
    label: unknown = 'utf-8',
    { fatal = false, ignoreBOM = false }: { fatal?: boolean; ignoreBOM?: boolean } = {},
  ) {
    if (!['utf-8', 'utf8', 'unicode-1-1-utf-8'].includes(String(label).trim().toLowerCase())) {
      throw new RangeError(`The "${label}" encoding is not supported`);
    }
    this.fatal = Boolean(fatal);
    this.ignoreBOM = Boolean(ignoreBOM);
  }

  get encoding(): string {
    return 'utf-8';
  }

  decode(input: unknown = new ArrayBuffer(0)): string {
    const view = viewOf(input);
    if (!view) throw new TypeError('The input must be an ArrayBuffer or a view of one');
    const bytes = textOf(view);
    if (this.fatal) {
      try {
        decodeURIComponent(escape(bytes));
      } catch {
        throw new TypeError('The encoded data was not valid for encoding utf-8');
      }
    }
    const text = decodeUtf8(bytes);
    return !this.ignoreBOM && text.startsWith('\ufeff') ? text.slice(1) : text;
  }
}

/** Puts both where libraries look for them. */
export function installTextCodec(): void {
  for (const [name, value] of [
    ['TextEncoder', Utf8Encoder],
    ['TextDecoder', Utf8Decoder],
  ] as const) {
    Object.defineProperty(value, 'name', { value: name });
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
}

/** What of this file runs inside, see program.ts. */
export const textCodecProgram = [Utf8Encoder, Utf8Decoder, installTextCodec];

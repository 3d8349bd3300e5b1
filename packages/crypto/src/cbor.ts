import { encode, rfc8949EncodeOptions, Tagged, type Token, Tokenizer } from 'cborg';
import { equalBytes } from './encoding.ts';
import { CryptoError, orMalformed } from './errors.ts';
import { cborBytesMax, cborDepthMax } from './limits.ts';

/** What CBOR can say here. Integers beyond 2^53 are bigints; maps are `Map`s, in the order received. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly CborValue[]
  | CborMap
  | CborTag;
export type CborMap = ReadonlyMap<CborValue, CborValue>;

/** A tagged item (RFC 8949, section 3.4). Decoding keeps every tag as one of these. */
export class CborTag extends Tagged {
  declare readonly tag: number;
  declare readonly value: CborValue;
}

/**
 * How much freedom of encoding is accepted. In every form lengths are definite, text is UTF-8 and map keys
 * are unique.
 * - `any`: nothing more. For signed bytes that are kept as received, where another encoding does no harm.
 * - `shortest`: integers, lengths and tags in their shortest form.
 * - `deterministic`: also map keys simple and in bytewise order (RFC 8949, section 4.2.1), floats shortest and never
 *   integral: the only bytes that `encodeCbor` gives for the value.
 */
export type CborForm = 'any' | 'shortest' | 'deterministic';

/** Encodes deterministically (RFC 8949, section 4.2.1). */
export function encodeCbor(value: CborValue): Uint8Array {
  return orMalformed('InvalidArgument', 'value cannot be encoded as CBOR', () =>
    plain(encode(value, rfc8949EncodeOptions)),
  );
}

/**
 * Under Node.js the library gives a `Buffer` now and then, which is not deeply equal to the same plain bytes.
 */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Decodes exactly one item that fills `bytes`. Throws `MalformedCbor`. */
export function decodeCbor(bytes: Uint8Array, form: CborForm = 'shortest'): CborValue {
  if (bytes.length > cborBytesMax) {
    throw new CryptoError('MalformedCbor', `CBOR of ${bytes.length} bytes: at most ${cborBytesMax}`);
  }
  return orMalformed('MalformedCbor', 'bytes are not well-formed CBOR', () =>
    new Decoder(bytes, form).item(),
  );
}

/** Whether a decoded value is a map. */
export function isCborMap(value: CborValue): value is CborMap {
  return value instanceof Map;
}

/** Whether a decoded value is an array. */
export function isCborArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

interface ArrayFrame {
  readonly kind: 'array';
  readonly items: CborValue[];
  readonly length: number;
}

interface MapFrame {
  readonly kind: 'map';
  readonly entries: Map<CborValue, CborValue>;
  readonly length: number;
  /** Encoded forms of keys that are no primitives: `Map` would tell them apart by identity. */
  readonly compound: Set<string>;
  key: { readonly value: CborValue; readonly start: number; readonly end: number } | undefined;
  keyStart: number;
  previous: Uint8Array | undefined;
}

interface TagFrame {
  readonly kind: 'tag';
  readonly tag: number;
}

type Frame = ArrayFrame | MapFrame | TagFrame;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Builds values from the library's tokens with a stack of its own, so that hostile nesting meets a bound. */
class Decoder {
  readonly #bytes: Uint8Array;
  readonly #form: CborForm;
  readonly #tokens: Tokenizer;
  readonly #frames: Frame[] = [];

  constructor(bytes: Uint8Array, form: CborForm) {
    this.#bytes = bytes;
    this.#form = form;
    this.#tokens = new Tokenizer(bytes, {
      strict: form !== 'any',
      allowIndefinite: false,
      allowUndefined: true,
      allowBigInt: true,
      retainStringBytes: true,
    });
  }

  item(): CborValue {
    for (;;) {
      if (this.#tokens.done()) throw malformed('CBOR ends too early');
      const opened = this.#open(this.#tokens.next());
      if (opened !== undefined && this.#frames.push(opened) > cborDepthMax) {
        throw malformed(`CBOR nested deeper than ${cborDepthMax}`);
      }
      if (this.#frames.length === 0) return this.#finish(this.#terminal);
      let value: CborValue = this.#terminal;
      let complete = opened === undefined || (opened.kind !== 'tag' && opened.length === 0);
      if (opened !== undefined && complete) value = closed(this.#frames.pop()!);
      while (complete) {
        const frame = this.#frames.at(-1);
        if (frame === undefined) return this.#finish(value);
        complete = this.#add(frame, value);
        if (complete) value = closed(this.#frames.pop()!, value);
      }
    }
  }

  #terminal: CborValue = undefined;

  /** A new frame for a token that opens one; otherwise the token's value is left in #terminal. */
  #open(token: Token): Frame | undefined {
    const end = this.#tokens.pos();
    const left = this.#bytes.length - end;
    switch (token.type.name) {
      case 'array':
        if (token.value > left) throw malformed('CBOR array longer than the bytes that follow');
        return { kind: 'array', items: [], length: token.value };
      case 'map':
        if (token.value * 2 > left) throw malformed('CBOR map longer than the bytes that follow');
        return {
          kind: 'map',
          entries: new Map(),
          length: token.value,
          compound: new Set(),
          key: undefined,
          keyStart: end,
          previous: undefined,
        };
      case 'tag':
        if (typeof token.value !== 'number') throw malformed('CBOR tag number too large');
        return { kind: 'tag', tag: token.value };
      case 'string':
        if (token.value.includes('\ufffd')) utf8.decode(token.byteValue);
        break;
      case 'float':
        if (this.#form === 'deterministic') this.#checkFloat(token);
        break;
    }
    this.#terminal = token.type.name === 'bytes' ? new Uint8Array(token.value) : token.value;
    return undefined;
  }

  /** Adds a finished value to the innermost frame; true when that frame is finished by it. */
  #add(frame: Frame, value: CborValue): boolean {
    switch (frame.kind) {
      case 'tag':
        return true;
      case 'array':
        return frame.items.push(value) === frame.length;
      case 'map': {
        const end = this.#tokens.pos();
        if (frame.key === undefined) {
          this.#checkKey(frame, value, this.#bytes.subarray(frame.keyStart, end));
          frame.key = { value, start: frame.keyStart, end };
          return false;
        }
        frame.entries.set(frame.key.value, value);
        frame.key = undefined;
        frame.keyStart = end;
        return frame.entries.size === frame.length;
      }
    }
  }

  #checkKey(frame: MapFrame, key: CborValue, encoded: Uint8Array): void {
    if (frame.entries.has(key)) throw malformed('CBOR map repeats a key');
    if (typeof key === 'object' && key !== null) {
      if (this.#form === 'deterministic' && !(key instanceof Uint8Array))
        throw malformed('CBOR map has a key that is no number, text or bytes');
      const identity = encodeCbor(key).toHex();
      if (frame.compound.has(identity)) throw malformed('CBOR map repeats a key');
      frame.compound.add(identity);
    }
    if (
      this.#form === 'deterministic' &&
      frame.previous !== undefined &&
      !isBefore(frame.previous, encoded)
    ) {
      throw malformed('CBOR map keys are not in order');
    }
    frame.previous = encoded;
  }

  #checkFloat(token: Token): void {
    const end = this.#tokens.pos();
    const given = this.#bytes.subarray(end - (token.encodedLength ?? 0), end);
    if (!equalBytes(given, encodeCbor(token.value))) throw malformed('CBOR float is not in shortest form');
  }

  #finish(value: CborValue): CborValue {
    if (!this.#tokens.done()) throw malformed('bytes follow the CBOR item');
    return value;
  }
}

function closed(frame: Frame, value?: CborValue): CborValue {
  switch (frame.kind) {
    case 'array':
      return frame.items;
    case 'map':
      return frame.entries;
    case 'tag':
      return new CborTag(frame.tag, value);
  }
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! < b[i]!;
  }
  return a.length < b.length;
}

function malformed(message: string): CryptoError {
  return new CryptoError('MalformedCbor', message);
}

import { SdkError } from './errors.ts';
import { sandbox } from './sandbox.ts';
import { check, type InputOf, type OutputOf, type Schema } from './schema.ts';

/** How values are kept. The converters of `@microsoft/ccf-app` have this shape and fit. */
export interface Codec<T> {
  encode(value: T): ArrayBuffer;
  decode(bytes: ArrayBuffer): T;
}

/** How keys are kept: in the order that `range` goes by. */
export interface KeyCodec<K, Prefix = never> extends Codec<K> {
  /** The bytes with which all keys of a prefix begin. */
  prefix(prefix: Prefix): ArrayBuffer;
  /** Bytes of every key, when all have the same number. */
  readonly width?: number;
}

/** Text as UTF-8, ordered by code point; a prefix is the beginning of the text. */
export const text: KeyCodec<string, string> = {
  encode: (value) => sandbox().strToBuf(value),
  decode: (bytes) => sandbox().bufToStr(bytes),
  prefix: (prefix) => sandbox().strToBuf(prefix),
};

/** Bytes as they are. */
export const bytes: KeyCodec<ArrayBuffer, ArrayBuffer> = {
  encode: (value) => value,
  decode: (value) => value,
  prefix: (prefix) => prefix,
};

/** A whole number from 0 on, in numerical order. */
export const uint: KeyCodec<number> = {
  width: 8,
  encode(value) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new SdkError('KeyInvalid', `${value} is not a whole number from 0 to 2^53 - 1`);
    }
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, Math.floor(value / 2 ** 32));
    view.setUint32(4, value % 2 ** 32);
    return view.buffer;
  },
  decode(bytes) {
    const view = new DataView(bytes);
    return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
  },
  prefix() {
    throw new SdkError('KeyInvalid', 'numbers have no prefixes: ask for a range');
  },
};

/** JSON, taken for what it is said to be when it is read. */
export function json<T>(): Codec<T> {
  return {
    encode: (value) => sandbox().strToBuf(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(sandbox().bufToStr(bytes)) as T,
  };
}

/** JSON checked by a schema, when it is written and again when it is read. */
export function checked<S extends Schema>(schema: S, name = 'value'): Codec<OutputOf<S>> {
  const must = (value: unknown): OutputOf<S> => {
    const result = check(schema as Schema<InputOf<S>, OutputOf<S>>, value, name);
    if ('value' in result) return result.value;
    const said = result.wrong.map(({ target, message }) => `${target}: ${message}`).join('; ');
    throw new SdkError('SchemaUnusable', `a stored value breaks its schema: ${said}`);
  };
  return {
    encode: (value) => sandbox().strToBuf(JSON.stringify(must(value))),
    decode: (bytes) => must(JSON.parse(sandbox().bufToStr(bytes))),
  };
}

type Values<C extends readonly KeyCodec<unknown, unknown>[]> = {
  readonly [I in keyof C]: C[I] extends Codec<infer K> ? K : never;
};
/** The first values of a tuple key, in their order: as many as are given. */
type Leading<T extends readonly unknown[]> = T extends readonly [infer First, ...infer Rest]
  ? readonly [] | readonly [First, ...Leading<Rest>]
  : readonly [];

/**
 * Several keys in one, ordered by the first, then by the second, and so on.
 *
 * @example privateMap('orders', tuple(text, uint), json<Order>()).range({ prefix: ['acme'] })
 */
export function tuple<const C extends readonly KeyCodec<unknown, unknown>[]>(
  ...parts: C
): KeyCodec<Values<C>, Leading<Values<C>>> {
  const codecs = parts as readonly KeyCodec<unknown, unknown>[];
  const encode = (values: readonly unknown[]): ArrayBuffer => {
    const out: number[] = [];
    values.forEach((value, index) => {
      const codec = codecs[index];
      if (codec === undefined) throw new SdkError('KeyInvalid', `a key has at most ${codecs.length} parts`);
      putPart(out, new Uint8Array(codec.encode(value)), codec.width !== undefined);
    });
    return new Uint8Array(out).buffer;
  };
  return {
    encode(values) {
      if (values.length === codecs.length) return encode(values);
      throw new SdkError('KeyInvalid', `a key has ${codecs.length} parts, not ${values.length}`);
    },
    decode(key) {
      const from = new Uint8Array(key);
      let at = 0;
      const values = codecs.map((codec) => {
        const [part, next] = takePart(from, at, codec.width);
        at = next;
        return codec.decode(part);
      });
      return values as unknown as Values<C>;
    },
    prefix: (leading) => encode(leading),
  };
}

/**
 * A part of variable length ends with 00 01, and a 00 inside becomes 00 02: so that the order of whole keys is
 * the order of their parts, and no part runs into the next.
 */
function putPart(out: number[], part: Uint8Array, isFixed: boolean): void {
  for (const byte of part) {
    out.push(byte);
    if (byte === 0 && !isFixed) out.push(2);
  }
  if (!isFixed) out.push(0, 1);
}

function takePart(from: Uint8Array, start: number, width: number | undefined): [ArrayBuffer, next: number] {
  if (width !== undefined) return [from.slice(start, start + width).buffer, start + width];
  const part: number[] = [];
  let at = start;
  while (at < from.length) {
    const byte = from[at] as number;
    if (byte === 0 && from[at + 1] === 1) return [new Uint8Array(part).buffer, at + 2];
    part.push(byte);
    at += byte === 0 ? 2 : 1;
  }
  throw new SdkError('KeyInvalid', 'a stored key is not of the declared parts');
}

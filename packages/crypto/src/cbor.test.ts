import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CborTag, type CborValue, decodeCbor, encodeCbor } from './cbor.ts';
import { fromHex, toHex } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { cborDepthMax } from './limits.ts';

interface Vectors {
  deterministic: { hex: string; value: CborValue; integral?: boolean }[];
  maps: { hex: string; entries: [CborValue, CborValue][] }[];
  bytes: { hex: string; bytes: string }[];
  tagged: { hex: string; tag: number; value?: CborValue; bytes?: string }[];
  bigintegers: { hex: string; value: string }[];
  refused: { why: string; hex: string; allowedInAnyForm?: boolean }[];
  refusedAsDeterministic: { why: string; hex: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/crypto/cbor.json', import.meta.url), 'utf8'),
);

function bothWays(hex: string, value: CborValue): void {
  assert.equal(toHex(encodeCbor(value)), hex);
  assert.deepEqual(decodeCbor(fromHex(hex), 'deterministic'), value);
}

describe('the examples of RFC 8949 decode, and encode to the same bytes', () => {
  for (const { hex, value, integral } of vectors.deterministic) {
    test(hex, () => {
      // JavaScript cannot tell 100000.0 from 100000, which encodes as an integer.
      if (integral) assert.deepEqual(decodeCbor(fromHex(hex)), value);
      else bothWays(hex, value);
    });
  }
  for (const { hex, entries } of vectors.maps) test(hex, () => bothWays(hex, new Map(entries)));
  for (const { hex, bytes } of vectors.bytes) test(hex, () => bothWays(hex, fromHex(bytes)));
  for (const { hex, value } of vectors.bigintegers) test(hex, () => bothWays(hex, BigInt(value)));
  for (const { hex, tag, value, bytes } of vectors.tagged) {
    test(hex, () => bothWays(hex, new CborTag(tag, bytes === undefined ? value : fromHex(bytes))));
  }
});

describe('malformed items are refused', () => {
  const malformed = { name: 'CryptoError', code: 'MalformedCbor' };
  for (const { why, hex, allowedInAnyForm } of vectors.refused) {
    test(why, () => {
      assert.throws(() => decodeCbor(fromHex(hex)), malformed);
      assert.throws(() => decodeCbor(fromHex(hex), 'deterministic'), malformed);
      if (allowedInAnyForm) decodeCbor(fromHex(hex), 'any');
      else assert.throws(() => decodeCbor(fromHex(hex), 'any'), malformed);
    });
  }
  for (const { why, hex } of vectors.refusedAsDeterministic) {
    test(`${why}, where the encoding must be deterministic`, () => {
      decodeCbor(fromHex(hex));
      assert.throws(() => decodeCbor(fromHex(hex), 'deterministic'), malformed);
    });
  }
});

test('nesting has a bound, and hostile nesting meets it without exhausting the stack', () => {
  const nested = (depth: number, opening: string) => fromHex(`${opening.repeat(depth)}00`);
  for (const opening of ['81', 'c1', 'a100', 'd818']) {
    decodeCbor(nested(cborDepthMax, opening));
    assert.throws(() => decodeCbor(nested(cborDepthMax + 1, opening)), { code: 'MalformedCbor' });
    assert.throws(() => decodeCbor(nested(1_000_000, opening)), { code: 'MalformedCbor' });
  }
});

test('a repeated key is refused wherever the map stands, deep keys too', () => {
  assert.throws(() => decodeCbor(fromHex('a2820102f6820102f6')), { code: 'MalformedCbor' });
  assert.deepEqual(
    decodeCbor(fromHex('a2820102f6820103f6')),
    new Map([
      [[1, 2], null],
      [[1, 3], null],
    ]),
  );
});

test('keys that are no simple values have no deterministic order', () => {
  assert.throws(() => decodeCbor(fromHex('a1820102f6'), 'deterministic'), { code: 'MalformedCbor' });
  assert.equal((decodeCbor(fromHex('a1420102f6'), 'deterministic') as Map<unknown, null>).size, 1);
});

test('keys keep the order in which they came', () => {
  const decoded = decodeCbor(fromHex('a203f601f6'));
  assert.deepEqual([...(decoded as Map<number, null>).keys()], [3, 1]);
});

const leaf = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 60n, max: 2n ** 64n - 1n }),
  fc.double({ noNaN: true }).filter((value) => !Number.isInteger(value)),
  fc.string({ unit: 'grapheme' }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array(),
);
const { value: anyValue } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 5 }).map((fields) => new Map(Object.entries(fields))),
    fc.tuple(fc.nat(), tie('value')).map(([tag, value]) => new CborTag(tag, value)),
  ),
}));

/** Maps come back in deterministic order, so they are compared through their encoding as well. */
test('what is encoded decodes to the same, in the strictest form', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = encodeCbor(value);
      const decoded = decodeCbor(bytes, 'deterministic');
      assert.deepEqual(decoded, value);
      assert.deepEqual(encodeCbor(decoded), bytes);
    }),
    { numRuns: 300 },
  );
});

test('what the strictest form accepts is the one encoding of its value', () => {
  fc.assert(
    fc.property(anyValue, fc.nat(), fc.nat(255), (value, at, byte) => {
      const bytes = Uint8Array.from(encodeCbor(value));
      bytes[at % bytes.length] = byte;
      let decoded: CborValue;
      try {
        decoded = decodeCbor(bytes, 'deterministic');
      } catch (error) {
        assert.ok(error instanceof CryptoError);
        return;
      }
      assert.deepEqual(encodeCbor(decoded), bytes);
    }),
    { numRuns: 500 },
  );
});

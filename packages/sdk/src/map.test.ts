import assert from 'node:assert/strict';
import { test } from 'node:test';
import '@microsoft/ccf-app/polyfill.js';
import { createTestService, type TestService } from '@coco/contract-test';
import fc from 'fast-check';
import { bytes, json, privateMap, publicMap, text, tuple, uint } from './index.ts';

const contract = new URL('testing/contract', import.meta.url);
type Page = { rows: { key: string; value: number }[]; cursor?: string };

async function filled(words: readonly string[]): Promise<TestService> {
  const service = await createTestService(contract);
  for (const word of words) await service.anybody.put(`/words/${encodeURIComponent(word)}`);
  return service;
}

async function keys(
  service: TestService,
  query: Record<string, string | number | boolean>,
): Promise<string[]> {
  return (await service.anybody.get<Page>('/words', { query })).body.rows.map(({ key }) => key);
}

const words = ['a', 'ab', 'b', 'ba', 'bb', 'c', 'é'];
const ranges: [query: Record<string, string | number | boolean>, found: string[]][] = [
  [{}, words],
  [{ from: 'b' }, ['b', 'ba', 'bb', 'c', 'é']],
  [{ to: 'b' }, ['a', 'ab']],
  [{ from: 'ab', to: 'c' }, ['ab', 'b', 'ba', 'bb']],
  [{ prefix: 'b' }, ['b', 'ba', 'bb']],
  [{ prefix: 'b', from: 'ba' }, ['ba', 'bb']],
  [{ reverse: true, limit: 2 }, ['é', 'c']],
  [{ prefix: 'x' }, []],
];
test('ranges have the rows they say, in order', async () => {
  const service = await filled(words.toReversed());
  for (const [query, found] of ranges)
    assert.deepEqual(await keys(service, query), found, JSON.stringify(query));
});

for (const reverse of [false, true]) {
  test(`pages join to the whole, ${reverse ? 'backward' : 'forward'}, whatever their size`, async () => {
    const service = await filled(words);
    for (let limit = 1; limit <= words.length + 1; limit++) {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const query = { limit, reverse, cursor };
        const { body }: { body: Page } = await service.anybody.get<Page>('/words', { query });
        found.push(...body.rows.map(({ key }) => key));
        cursor = body.cursor;
      } while (cursor !== undefined && found.length <= words.length);
      assert.deepEqual(found, reverse ? words.toReversed() : words, `limit ${limit}`);
    }
  });
}

test('a cursor that this service did not give out is refused', async () => {
  const service = await filled(['a']);
  for (const cursor of ['zz', 'abc', 'x'.repeat(9000)]) {
    assert.equal(
      (await service.anybody.get('/words', { query: { cursor } })).status,
      400,
      cursor.slice(0, 9),
    );
  }
});

const part = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('\0', '\u0001', '\u0002', 'a') }));
const key = fc.tuple(part, fc.maxSafeNat(), part);

test('tuple keys come back, and their order is that of their parts', () => {
  const codec = tuple(text, uint, text);
  const encoded = (k: [string, number, string]) => Buffer.from(codec.encode(k));
  const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  fc.assert(
    fc.property(key, key, (a, b) => {
      assert.deepEqual(codec.decode(codec.encode(a)), a);
      const byParts = compare(a[0], b[0]) || Math.sign(a[1] - b[1]) || compare(a[2], b[2]);
      assert.equal(Buffer.compare(encoded(a), encoded(b)), byParts);
    }),
  );
});

test('a prefix of parts is the beginning of exactly the keys that have these parts', () => {
  const codec = tuple(text, uint, text);
  fc.assert(
    fc.property(key, part, (k, other) => {
      const has = (leading: string) =>
        Buffer.from(codec.encode(k)).indexOf(Buffer.from(codec.prefix([leading]))) === 0;
      assert.ok(has(k[0]));
      assert.equal(has(other), other === k[0]);
    }),
  );
});

test('numbers that have no place in the order are refused', () => {
  for (const value of [-1, 1.5, 2 ** 53, Number.NaN]) {
    assert.throws(() => uint.encode(value), { code: 'KeyInvalid' });
  }
});

test('bytes are keys as they are', () => {
  const value = new Uint8Array([1, 0, 255]).buffer;
  assert.deepEqual(tuple(bytes, uint).decode(tuple(bytes, uint).encode([value, 3])), [value, 3]);
});

test('without ordered maps, as on CCF, everything but order works, and range says what is missing', () => {
  const map = privateMap('plain', text, json<number>());
  map.set('a', 1);
  assert.deepEqual([map.get('a'), map.has('b'), map.size()], [1, false, 1]);
  const seen: [string, number][] = [];
  map.forEach((value, key) => {
    seen.push([key, value]);
  });
  assert.deepEqual(seen, [['a', 1]]);
  assert.throws(() => map.page(), { code: 'ServiceLacks', message: /no ordered maps.*plain/ });
});

test('the name says who may read', () => {
  assert.equal(publicMap('prices', text, text).name, 'public:prices');
  assert.equal(publicMap('public:prices', text, text).name, 'public:prices');
  assert.throws(() => privateMap('public:prices', text, text), { code: 'DeclarationInvalid' });
});

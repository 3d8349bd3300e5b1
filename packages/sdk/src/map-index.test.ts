import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestService, type TestService } from '@coco/contract-test';
import fc from 'fast-check';
import { defineApp, json, mapIndex, privateMap, text } from './index.ts';

const contract = new URL('testing/indexed', import.meta.url);
type Row = { index: string; key: string; seqno: number };
type Page = { rows: Row[]; cursor?: string; seqno: number };
type Note = { author: string; stars: number; tags: string[] };

const note = (tags: string[], author = 'ann', stars = 0): Note => ({ author, stars, tags });
const pairs = (page: Page) => page.rows.map(({ index, key }) => `${index} ${key}`);

async function tagged(service: TestService, tag: string): Promise<{ keys: string[]; seqno: number }> {
  return (await service.anybody.get<{ keys: string[]; seqno: number }>(`/tags/${tag}`)).body;
}

test('rows are found by what they hold, as of the transaction that the index names', async () => {
  const service = await createTestService(contract);
  await service.anybody.put('/notes/one', note(['a', 'b']));
  await service.anybody.put('/notes/two', note(['b']));
  assert.deepEqual(await tagged(service, 'b'), { keys: ['one', 'two'], seqno: 2 });
  await service.anybody.put('/notes/one', note(['c']));
  assert.deepEqual(await tagged(service, 'b'), { keys: ['two'], seqno: 3 });
  assert.deepEqual(await tagged(service, 'a'), { keys: [], seqno: 3 });
  await service.anybody.delete('/notes/two');
  const { body } = await service.anybody.get<Page>('/tags');
  assert.deepEqual(body, { rows: [{ index: 'c', key: 'one', seqno: 3 }], seqno: 4 });
});

const ranges: [query: Record<string, string | number | boolean>, found: string[]][] = [
  [{}, ['a 1', 'a 2', 'a\0 4', 'ab 3', 'b 2']],
  [{ from: 'ab' }, ['ab 3', 'b 2']],
  [{ to: 'ab' }, ['a 1', 'a 2', 'a\0 4']],
  [{ prefix: 'a' }, ['a 1', 'a 2', 'a\0 4', 'ab 3']],
  [{ prefix: 'ab' }, ['ab 3']],
  [{ reverse: true, limit: 2 }, ['b 2', 'ab 3']],
];
test('ranges are in the order of the index, then of the map', async () => {
  const service = await createTestService(contract);
  const tags: Record<string, string[]> = { 3: ['ab'], 2: ['b', 'a'], 1: ['a'], 4: ['a\0'] };
  for (const [id, own] of Object.entries(tags)) await service.anybody.put(`/notes/${id}`, note(own));
  for (const [query, found] of ranges) {
    const { body } = await service.anybody.get<Page>('/tags', { query });
    assert.deepEqual(pairs(body), found, JSON.stringify(query));
  }
});

test('pages join to the whole', async () => {
  const service = await createTestService(contract);
  for (const id of [1, 2, 3]) await service.anybody.put(`/notes/${id}`, note(['x', 'y']));
  for (let limit = 1; limit <= 7; limit++) {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const { body }: { body: Page } = await service.anybody.get<Page>('/tags', { query: { limit, cursor } });
      found.push(...pairs(body));
      cursor = body.cursor;
    } while (cursor !== undefined && found.length < 10);
    assert.deepEqual(found, ['x 1', 'x 2', 'x 3', 'y 1', 'y 2', 'y 3'], `limit ${limit}`);
  }
});

test('an index key may have parts', async () => {
  const service = await createTestService(contract);
  for (const [id, stars] of [3, 300, 20].entries()) {
    await service.anybody.put(`/notes/${id}`, note([], 'ann', stars));
  }
  await service.anybody.put('/notes/other', note([], 'anna', 7));
  const { body } = await service.anybody.get<{ index: [string, number] }[]>('/stars/ann');
  assert.deepEqual(
    body.map(({ index }) => index[1]),
    [300, 20, 3],
  );
});

test('an index stays behind until it has followed, and callers are told to come again', async () => {
  const service = await createTestService(contract, { commitsAtOnce: false });
  await service.anybody.put('/notes/one', note(['a']));
  service.indexing = 'waits';
  service.commit();
  assert.deepEqual(await tagged(service, 'a'), { keys: [], seqno: 0 });
  const early = await service.anybody.get<{ error: { code: string } }>('/reached/1');
  assert.deepEqual(
    [early.status, early.headers['retry-after'], early.body.error.code],
    [202, '1', 'IndexNotReady'],
  );
  service.index();
  assert.equal((await service.anybody.get('/reached/1')).status, 200);
});

test('a row that cannot be indexed keeps no other out', async () => {
  const service = await createTestService(contract);
  await service.anybody.put('/notes/good', note(['a']));
  await service.anybody.put('/notes/many', note(Array.from({ length: 101 }, (_, i) => `t${i}`)));
  await service.anybody.put('/notes/fine', note(['a']));
  assert.deepEqual((await tagged(service, 'a')).keys, ['fine', 'good']);
  assert.deepEqual((await tagged(service, 't1')).keys, []);
});

test('what is written cannot depend on an index', async () => {
  const service = await createTestService(contract);
  const { status, failure } = await service.anybody.post('/decide');
  assert.equal(status, 500);
  assert.match(failure?.reason ?? '', /index by_tag can be read where nothing is written/);
});

type Past = { rows: { seqno: number; value?: Note; receipt: object }[]; cursor?: string; seqno: number };

test('the history of a key has every write and removal, with receipts, in pages', async () => {
  const service = await createTestService(contract);
  await service.anybody.put('/notes/a', note(['1']));
  await service.anybody.put('/notes/ab', note(['other']));
  await service.anybody.put('/notes/a', note(['2']));
  await service.anybody.delete('/notes/a');
  await service.anybody.put('/notes/a', note(['3']));
  const whole = (await service.anybody.get<Past>('/history/a')).body;
  assert.deepEqual(
    whole.rows.map(({ seqno, value }) => [seqno, value?.tags]),
    [
      [1, ['1']],
      [3, ['2']],
      [4, undefined],
      [5, ['3']],
    ],
  );
  assert.ok(whole.rows.every(({ receipt }) => 'leaf_components' in receipt));
  const query = { limit: 3, reverse: true };
  const first = (await service.anybody.get<Past>('/history/a', { query })).body;
  assert.deepEqual(
    first.rows.map(({ seqno }) => seqno),
    [5, 4, 3],
  );
  const rest = (await service.anybody.get<Past>('/history/a', { query: { ...query, cursor: first.cursor } }))
    .body;
  assert.deepEqual([rest.rows.map(({ seqno }) => seqno), rest.cursor], [[1], undefined]);
  assert.deepEqual((await service.anybody.get('/seqnos/a', { query: { from: 2, to: 4 } })).body, [3, 4]);
  service.historyIsLoading = true;
  assert.equal((await service.anybody.get('/history/a')).status, 202);
});

const change = fc.oneof(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c\0', ''),
    tags: fc.array(fc.constantFrom('', 'x', 'x\0', 'xy', 'é'), { maxLength: 3 }),
  }),
  fc.record({ id: fc.constantFrom('a', 'b', 'c\0', ''), tags: fc.constant(undefined) }),
);
test('an index is what one would find by looking at every row', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(change, fc.boolean()), { maxLength: 20 }), async (changes) => {
      const service = await createTestService(contract, { commitsAtOnce: false });
      const truth = new Map<string, string[]>();
      for (const [{ id, tags }, commits] of changes) {
        const path = `/notes/k${encodeURIComponent(id)}`;
        if (tags === undefined) await service.anybody.delete(path);
        else await service.anybody.put(path, note(tags));
        if (tags === undefined) truth.delete(`k${id}`);
        else truth.set(`k${id}`, tags);
        if (commits) service.commit();
      }
      service.commit();
      const { body } = await service.anybody.get<Page>('/tags');
      const expected = [...truth].flatMap(([key, tags]) => [...new Set(tags)].map((tag) => `${tag} ${key}`));
      assert.deepEqual(pairs(body).sort(), expected.sort());
    }),
    { numRuns: 40, seed: 7 },
  );
});

test('the time that a transaction saw is recorded with it, and only if it looked', async () => {
  const service = await createTestService(contract, { now: 1_800_000_000_000 });
  const stamped = await service.anybody.put('/stamps/a');
  assert.deepEqual(stamped.writes, { stamps: { a: 1_800_000_000_000 } });
  service.clock.advance(5);
  const { transactionId = '' } = stamped;
  const { body } = await service.anybody.get('/stamps/a', { transactionId });
  assert.deepEqual(body, { written: 1_800_000_000_000, recorded: 1_800_000_000_000 });
  const other = await service.anybody.put('/notes/one', note(['a']));
  const past = await service.anybody.get('/stamps/a', { transactionId: other.transactionId ?? '' });
  assert.deepEqual(past.body, {});
});

test('a declaration names indexes with words, each once', () => {
  const map = privateMap('m', text, json<string>());
  const named = (name: string) => mapIndex(name, map, { key: text, of: (value) => [value] });
  assert.throws(() => defineApp({}, { indexes: [named('a b')] }), { code: 'DeclarationInvalid' });
  assert.throws(() => defineApp({}, { indexes: [named('a'), named('a')] }), { code: 'DeclarationInvalid' });
});

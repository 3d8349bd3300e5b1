import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestService } from '@coco/contract-test';

const contract = new URL('..', import.meta.url);

test('a note is written, read by who wrote it, and by nobody else', async () => {
  const service = await createTestService(contract, { now: '2026-03-01T12:00:00Z' });
  const written = await service.as('alice').post('/notes', { text: 'buy milk' });
  assert.equal(written.status, 201);
  assert.deepEqual(written.body, { id: 1, text: 'buy milk', at: '2026-03-01T12:00:00.000Z' });
  assert.equal((await service.as('alice').get('/notes/1')).status, 200);
  assert.equal((await service.as('bob').get('/notes/1')).status, 404);
  assert.equal((await service.anybody.get('/notes/1')).status, 401);
});

test('what a request writes is known to the last key', async () => {
  const service = await createTestService(contract, { now: '2026-03-01T12:00:00Z' });
  const alice = service.user('alice');
  const { writes } = await service.as(alice).post('/notes', { text: 'hello' });
  assert.deepEqual(writes['public:note_counts'], { [alice.id]: 1 });
  assert.deepEqual(Object.values(writes.notes ?? {}), [{ text: 'hello', at: '2026-03-01T12:00:00.000Z' }]);
});

test('a refusal names the field', async () => {
  const service = await createTestService(contract);
  const { status, body } = await service
    .as('alice')
    .post<{ error: { code: string; message: string } }>('/notes', {
      text: '',
    });
  assert.equal(status, 400);
  assert.equal(body.error.code, 'InvalidInput');
  assert.match(body.error.message, /^body\.text: /);
});

test('notes come in pages, the newest first', async () => {
  const service = await createTestService(contract);
  const alice = service.as('alice');
  for (const text of ['one', 'two', 'three']) await alice.post('/notes', { text });
  type Listed = { notes: { text: string }[]; cursor?: string };
  const first = (await alice.get<Listed>('/notes', { query: { limit: 2 } })).body;
  assert.deepEqual(
    first.notes.map(({ text }) => text),
    ['three', 'two'],
  );
  const rest = (await alice.get<Listed>('/notes', { query: { limit: 2, cursor: first.cursor } })).body;
  assert.deepEqual([rest.notes.map(({ text }) => text), rest.cursor], [['one'], undefined]);
});

test('anybody may ask how many there are', async () => {
  const service = await createTestService(contract);
  const alice = service.user('alice');
  await service.as(alice).post('/notes', { text: 'hello' });
  assert.deepEqual((await service.anybody.get(`/counts/${alice.id}`)).body, { count: 1 });
});

test('a past transaction comes with its receipt once it is committed', async () => {
  const service = await createTestService(contract, { commitsAtOnce: false });
  const alice = service.as('alice');
  const { transactionId = '' } = await alice.post('/notes', { text: 'hello' });
  assert.equal((await alice.get('/notes/1/receipt', { transactionId })).status, 404);
  service.commit();
  const { status, body } = await alice.get<{ receipt: object }>('/notes/1/receipt', { transactionId });
  assert.equal(status, 200);
  assert.ok('leaf_components' in body.receipt);
});

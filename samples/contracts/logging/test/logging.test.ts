// The shape of CCF's JavaScript logging sample: a hand-written app.json over plain modules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestService } from '@coco/contract-test';

const contract = new URL('..', import.meta.url);

for (const kind of ['private', 'public']) {
  test(`a ${kind} message is written, read, counted, found in the past, and removed`, async () => {
    const service = await createTestService(contract);
    const user = service.as('alice');
    const written = await user.post(`/log/${kind}`, { id: 42, msg: 'hello' });
    assert.deepEqual([written.status, written.body], [200, true]);
    assert.deepEqual((await user.get(`/log/${kind}?id=42`)).body, { msg: 'hello' });
    assert.deepEqual((await user.get(`/log/${kind}/count`)).body, 1);
    const transactionId = written.transactionId ?? '';
    const past = await user.get(`/log/${kind}/historical?id=42`, { transactionId });
    assert.deepEqual(past.body, { msg: 'hello' });
    assert.equal((await user.delete(`/log/${kind}?id=42`)).status, 200);
    assert.equal((await user.get(`/log/${kind}?id=42`)).status, 404);
  });
}

test('maps of a scope are apart, and empty messages are refused', async () => {
  const service = await createTestService(contract);
  const user = service.as('alice');
  await user.post('/log/private?scope=mine', { id: 1, msg: 'apart' });
  assert.equal((await user.get('/log/private?id=1')).status, 404);
  assert.deepEqual((await user.get('/log/private?id=1&scope=mine')).body, { msg: 'apart' });
  assert.equal((await user.post('/log/private', { id: 1, msg: '' })).status, 400);
});

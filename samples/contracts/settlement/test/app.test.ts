import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestService, type TestService } from '@coco/contract-test';

const contract = new URL('..', import.meta.url);
const companies = ['ACME', 'BOLT', 'CORK'];

async function service(): Promise<TestService> {
  const made = await createTestService(contract);
  for (const company of companies) made.user(company, { data: { company } });
  return made;
}

const owe = (at: TestService, from: string, to: string, amount: string) =>
  at.as(from).post('/obligations/EUR', { to, amount, reference: `${from}-${to}` });

test('what is set off is exact to the last cent, and everybody sees only what concerns them', async () => {
  const at = await service();
  await owe(at, 'ACME', 'BOLT', '0.1');
  await owe(at, 'ACME', 'BOLT', '0.2');
  await owe(at, 'BOLT', 'CORK', '0.3');
  const settled = await at.as(at.member('m')).post('/settlements/EUR');
  assert.deepEqual(settled.body, {
    number: 4,
    currency: 'EUR',
    settled: 3,
    payments: [{ from: 'ACME', to: 'CORK', amount: '0.3' }],
  });
  assert.deepEqual(at.content('obligations'), {});
  const seen = await at.as('BOLT').get<{ payments: unknown[] }>('/settlements/EUR/4');
  assert.deepEqual(seen.body.payments, []);
});

test('debts in a circle vanish', async () => {
  const at = await service();
  await owe(at, 'ACME', 'BOLT', '10');
  await owe(at, 'BOLT', 'CORK', '10');
  await owe(at, 'CORK', 'ACME', '10.0000');
  const { body } = await at.as(at.member('m')).post<{ payments: unknown[] }>('/settlements/EUR');
  assert.deepEqual(body.payments, []);
});

const refused: [name: string, body: object, status: number, says: RegExp][] = [
  ['nothing', { to: 'BOLT', amount: '0.00', reference: '' }, 400, /body\.amount: must be more than 0/],
  ['an amount that is no decimal', { to: 'BOLT', amount: '1e3', reference: '' }, 400, /body\.amount/],
  ['a debt to oneself', { to: 'ACME', amount: '1', reference: '' }, 409, /cannot owe itself/],
];
for (const [name, body, status, says] of refused) {
  test(`${name} is refused`, async () => {
    const at = await service();
    const answer = await at.as('ACME').post('/obligations/EUR', body);
    assert.equal(answer.status, status);
    assert.match(JSON.stringify(answer.body), says);
  });
}

test('who speaks for no company cannot owe, and users do not settle', async () => {
  const at = await service();
  assert.equal((await owe(at, 'nobody', 'ACME', '1')).status, 403);
  assert.equal((await at.as('ACME').post('/settlements/EUR')).status, 401);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestService, type TestService } from '@coco/contract-test';

const contract = new URL('..', import.meta.url);

async function market(): Promise<TestService> {
  const service = await createTestService(contract);
  for (const party of ['grocer', 'baker', 'mill', 'farm', 'north-bank', 'south-bank']) {
    service.user(party, { party });
  }
  return service;
}

const order = (at: TestService, buyer: string, number: string, seller: string, unitPrice: number) =>
  at.as(buyer).post('/orders', { number, seller, goods: 'flour', quantity: 10, unitPrice });

test('each sees its own dealings and nothing of its competitors', async () => {
  const at = await market();
  await order(at, 'grocer', '1', 'mill', 100);
  await order(at, 'grocer', '2', 'farm', 200);
  await order(at, 'baker', '1', 'mill', 90);
  const prices = async (who: string) => {
    const { body } = await at.as(who).get<{ unitPrice: number }[]>('/orders');
    return body.map(({ unitPrice }) => unitPrice).sort((a, b) => a - b);
  };
  assert.deepEqual(await prices('grocer'), [100, 200]);
  assert.deepEqual(await prices('baker'), [90]);
  assert.deepEqual(await prices('mill'), [90, 100]);
  assert.deepEqual(await prices('farm'), [200]);
  assert.deepEqual(await prices('north-bank'), []);
});

test('the market is a total over the orders of all', async () => {
  const at = await market();
  await order(at, 'grocer', '1', 'mill', 100);
  assert.equal((await at.as('farm').get('/market')).status, 409);
  await order(at, 'baker', '1', 'mill', 90);
  assert.deepEqual((await at.as('farm').get('/market')).body, { total: 1900 });
});

test('an invoice is financed once, although the banks see nothing of one another', async () => {
  const at = await market();
  await order(at, 'grocer', '1', 'mill', 100);
  assert.equal((await at.as('mill').post('/invoices', { number: 'I1', order: '1' })).status, 201);
  assert.equal((await at.as('farm').post('/invoices', { number: 'I1', order: '1' })).status, 404);
  const finance = (bank: string) => at.as('mill').post('/financings', { invoice: 'I1', bank });
  assert.equal((await finance('north-bank')).status, 201);
  const again = await finance('south-bank');
  assert.equal(again.status, 409);
  assert.doesNotMatch(JSON.stringify(again.body), /north/);
  assert.deepEqual((await at.as('south-bank').get('/financings')).body, []);
  assert.equal((await at.as('north-bank').get<unknown[]>('/financings')).body.length, 1);
});

test('one order is financed once, however many invoices are made out for it', async () => {
  const at = await market();
  await order(at, 'grocer', '1', 'mill', 100);
  const invoice = (number: string) => at.as('mill').post('/invoices', { number, order: '1' });
  assert.deepEqual([(await invoice('I1')).status, (await invoice('I1')).status], [201, 409]);
  assert.equal((await invoice('I2')).status, 201);
  const finance = (number: string, bank: string) =>
    at.as('mill').post('/financings', { invoice: number, bank });
  assert.equal((await finance('I1', 'north-bank')).status, 201);
  assert.equal((await finance('I2', 'south-bank')).status, 409);
});

test('a name that is a word of the platform is a party like any other, and shows nothing to everybody', async () => {
  const at = await market();
  for (const seller of ['everybody', 'caller']) {
    assert.equal((await order(at, 'grocer', seller.toUpperCase(), seller, 1)).status, 201);
  }
  assert.deepEqual((await at.as('farm').get('/orders')).body, []);
});

test('who acts for no party cannot order', async () => {
  const at = await market();
  assert.equal((await order(at, 'nobody', '1', 'mill', 1)).status, 403);
});

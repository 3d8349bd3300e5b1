import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Given } from '../workloads/memory-service.ts';
import { ann, bob, cid, eve, openMarket } from './orders.ts';

const place = (id: string, amount: number, others: readonly string[]) => ({ id, amount, with: others });
const listOf = (given: Given) =>
  given.json as {
    value: { reference: string; endpoint: string; transaction_id?: string }[];
    nextLink?: string;
  };

test('a private transaction is listed to its parties and to nobody else', async () => {
  const service = await openMarket();
  const placed = service.ask(ann, 'POST', '/app/orders', place('1', 10, ['mill']));
  assert.equal(placed.status, 200, placed.body + service.log.join('\n'));
  assert.match(placed.headers['coco-transaction-reference'] ?? '', /^[A-Za-z0-9_-]{32}$/);
  service.settle();
  for (const who of [ann, bob]) {
    const { value } = listOf(service.ask(who, 'GET', '/app/transactions'));
    assert.equal(value.length, 1);
    assert.equal(value[0]?.reference, placed.headers['coco-transaction-reference']);
    assert.equal(value[0]?.endpoint, 'POST /orders');
  }
  for (const who of [cid, eve])
    assert.deepEqual(listOf(service.ask(who, 'GET', '/app/transactions')).value, []);
  assert.equal(service.ask(undefined, 'GET', '/app/transactions').status, 401);
});

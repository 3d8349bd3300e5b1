import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MemoryService } from '../workloads/memory-service.ts';
import { ann, bob, cid, openMarket } from './orders.ts';

interface Told {
  readonly id: string;
  readonly data: { readonly reference: string };
}

/** The events of a piece of a stream. */
function eventsIn(text: string): Told[] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('id: '))
    .map((block) => {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      assert.equal(fields.get('event'), 'transaction');
      return { id: fields.get('id') ?? '', data: JSON.parse(fields.get('data') ?? '') };
    });
}

function order(service: MemoryService, id: string, who = ann): string {
  const given = service.ask(who, 'POST', '/app/orders', { id, amount: 1, with: ['mill'] });
  return given.headers['coco-transaction-reference'] ?? '';
}

test('a stream tells the caller of its transactions as they are committed, in order, and of no others', async () => {
  const service = await openMarket();
  order(service, 'before');
  service.settle();
  const [mine, other] = [service.stream(ann, '/app/events'), service.stream(cid, '/app/events')];
  assert.equal(mine.head.status, 200);
  assert.deepEqual(Object.fromEntries(mine.head.headers)['content-type'], 'text/event-stream');
  const made = ['1', '2', '3'].map((id) => order(service, id));
  service.settle();
  assert.deepEqual(
    eventsIn(mine.read()).map(({ data }) => data.reference),
    made,
  );
  assert.equal(other.read(), '');
});

test('a stream goes on after the last event that was received', async () => {
  const service = await openMarket();
  const first = service.stream(bob, '/app/events');
  const made = ['1', '2', '3', '4'].map((id) => order(service, id));
  service.settle();
  const [, second] = eventsIn(first.read());
  const again = service.stream(bob, '/app/events', { 'last-event-id': second?.id ?? '' });
  assert.deepEqual(
    eventsIn(again.read()).map(({ data }) => data.reference),
    made.slice(2),
  );
  const stolen = service.ask(cid, 'GET', '/app/events', undefined, { 'last-event-id': second?.id ?? '' });
  assert.equal(stolen.status, 400);
  const listed = service.ask(bob, 'GET', `/app/transactions?order=oldest&cursor=${second?.id}`);
  assert.equal(listed.status, 200, 'the id of an event is a cursor of the list in that order');
});

test('a stream that is not read holds one piece, and catches up piece by piece', async () => {
  const service = await openMarket();
  const slow = service.stream(ann, '/app/events?from=2026-01-01T00:00:00Z');
  for (let i = 0; i < 250; i++) order(service, `${i}`);
  service.settle();
  assert.equal(eventsIn(slow.read()).length, 250);
});

test('a quiet stream says that it is alive; whoever was removed hears no more', async () => {
  const service = await openMarket();
  const stream = service.stream(ann, '/app/events');
  service.pass(16_000);
  assert.match(stream.read(), /^: /);
  await service.govern([{ name: 'remove_user', args: { user_id: ann.id } }]);
  service.pass(16_000);
  service.pass(16_000);
  assert.equal(stream.read(), '');
});

test('those who do not say who they are have no stream', async () => {
  const service = await openMarket();
  assert.equal(service.ask(undefined, 'GET', '/app/events').status, 401);
});

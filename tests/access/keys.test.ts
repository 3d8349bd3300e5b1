import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openClaims } from '@coco/access';
import type { Given, MemoryService, Person } from '../workloads/memory-service.ts';
import { ann, bob, cid, dan, eve, openMarket, rita } from './orders.ts';

interface Item {
  readonly reference: string;
  readonly time: string;
  readonly audiences: readonly {
    readonly id: string;
    readonly readers: readonly string[];
    readonly shredded: boolean;
  }[];
}

interface Look {
  readonly asked: string;
  readonly shown: number;
  readonly audience: Item['audiences'][number];
}

const list = (service: MemoryService, who: Person, query = ''): readonly Item[] => {
  const given = service.ask(who, 'GET', `/app/transactions${query}`);
  assert.equal(given.status, 200, given.body);
  return (given.json as { value: Item[] }).value;
};
const order = (service: MemoryService, id: string, others: readonly string[], who = ann): Given => {
  const given = service.ask(who, 'POST', '/app/orders', { id, amount: 7, with: others });
  service.settle();
  return given;
};
const keysOf = (service: MemoryService, who: Person) =>
  (service.ask(who, 'GET', '/app/orders').json as { orders: [string, unknown][] }).orders.map(([key]) => key);

async function withAudience(): Promise<{ service: MemoryService; audience: string }> {
  const service = await openMarket();
  order(service, 'before', ['mill']);
  const [item] = list(service, ann);
  return { service, audience: item?.audiences[0]?.id ?? '' };
}

test('a reader that is let in sees what comes; what was, only if members say so', async () => {
  const { service, audience } = await withAudience();
  await service.govern([{ name: 'change_audience', args: { audience, add: ['party:baker'] } }]);
  await service.govern([
    { name: 'change_audience', args: { audience, add: ['party:farm'], with_past: true } },
  ]);
  order(service, 'after', ['mill']);
  assert.deepEqual(keysOf(service, cid), ['after']);
  assert.equal(list(service, cid).length, 1);
  assert.deepEqual(keysOf(service, dan), ['after', 'before']);
  assert.equal(list(service, dan).length, 2);
  assert.deepEqual(keysOf(service, ann), ['after', 'before']);
});

test('a reader that is put out keeps what it saw and sees nothing of what comes', async () => {
  const { service, audience } = await withAudience();
  await service.govern([{ name: 'change_audience', args: { audience, remove: ['party:mill'] } }]);
  order(service, 'after', ['mill']);
  assert.deepEqual(keysOf(service, bob), ['before']);
  assert.equal(list(service, bob).length, 1);
  service.ask(ann, 'PUT', '/app/orders/before', { amount: 8 });
  assert.deepEqual(keysOf(service, bob), [], 'a row that is written again is of the present epoch');
});

test('what is shredded never opens again, receipts stay, and the audience goes on with a new key', async () => {
  const { service, audience } = await withAudience();
  const [item] = list(service, ann);
  const path = `/app/transactions/${item?.reference}`;
  const receipt = service.ask(bob, 'GET', `${path}/receipt`).body;
  assert.ok(openClaims(service.ask(bob, 'GET', `${path}/claims`).json).fields.size > 0);
  await service.govern([{ name: 'shred_audience', args: { audience } }]);
  assert.deepEqual(keysOf(service, ann), []);
  assert.equal(service.ask(bob, 'GET', '/app/orders/before').status, 404);
  assert.equal(service.ask(bob, 'GET', `${path}/claims`).status, 404);
  assert.deepEqual(service.ask(bob, 'GET', `${path}/writes`).json, { value: [] });
  assert.equal(service.ask(bob, 'GET', `${path}/receipt`).body, receipt);
  assert.equal(list(service, ann)[0]?.audiences[0]?.shredded, true);
  order(service, 'before', ['mill']);
  assert.deepEqual(keysOf(service, bob), ['before']);
});

test('a decision about an audience that is not there fails, and members see only its id', async () => {
  const { service, audience } = await withAudience();
  for (const id of ['00'.repeat(16), 'zz', audience.slice(2)]) {
    await assert.rejects(service.govern([{ name: 'shred_audience', args: { audience: id } }]));
  }
  await service.govern([{ name: 'shred_audience', args: { audience } }]);
  assert.deepEqual(keysOf(service, ann), []);
});

const grant = {
  name: 'set_access_grant',
  args: {
    grant: 'q1',
    to: 'role:regulator',
    from: '2026-01-01T00:00:00Z',
    until: '2026-04-01T00:00:00Z',
    expires: '2026-12-31T00:00:00Z',
    purpose: 'audit of the first quarter',
  },
};

test('an auditor who was granted a quarter sees that quarter, and every look is recorded for those concerned', async () => {
  const service = await openMarket([grant]);
  order(service, 'a', ['mill']);
  order(service, 'b', ['farm'], cid);
  service.pass(100 * 86_400_000);
  order(service, 'late', ['mill']);
  assert.deepEqual(list(service, rita), []);
  const seen = list(service, rita, '?grant=q1');
  assert.equal(seen.length, 2);
  const [, first] = seen;
  assert.equal(service.ask(rita, 'GET', `/app/transactions/${first?.reference}`).status, 404);
  const writes = service.ask(rita, 'GET', `/app/transactions/${first?.reference}/writes?grant=q1`);
  assert.match(writes.body, /"key":"a"/);
  const [late] = list(service, ann);
  assert.equal(service.ask(rita, 'GET', `/app/transactions/${late?.reference}?grant=q1`).status, 404);
  service.settle();
  const looks = (who: Person) =>
    (
      service.ask(who, 'GET', '/app/access/looks').json as {
        value: { grant: string; by: string; shown: number }[];
      }
    ).value;
  assert.deepEqual(
    [...new Set(looks(ann).map(({ by, grant: id }) => `${id} ${by}`))],
    [`q1 user:${rita.id}`],
  );
  assert.equal(looks(dan).length, 1);
  assert.deepEqual(looks(eve), []);
});

test('looks are read page by page, and tell which audience was looked at', async () => {
  const service = await openMarket([grant]);
  order(service, 'a', ['mill']);
  order(service, 'b', ['farm', 'mill']);
  for (let i = 0; i < 5; i++) list(service, rita, `?grant=q1&limit=${i + 1}`);
  service.settle();
  const page = (target: string, who = ann) => {
    const given = service.ask(who, 'GET', target);
    assert.equal(given.status, 200, given.body);
    return given.json as { value: Look[]; nextLink?: string };
  };
  const { value: all, nextLink } = page('/app/access/looks');
  assert.equal(nextLink, undefined);
  // The first of the five was shown the newer order alone.
  const readers = ({ audience }: Look) => audience.readers.join(' ');
  const [wide, narrow] = ['party:farm party:grocer party:mill', 'party:grocer party:mill'];
  assert.equal(all.length, 9);
  assert.equal(all.filter((look) => readers(look) === wide).length, 5);
  assert.equal(all.filter((look) => readers(look) === narrow).length, 4);
  assert.ok(all.every(({ asked, shown }) => shown === 1 && asked.startsWith('/app/transactions?grant=q1')));
  const audiences = list(service, ann).flatMap((item) => item.audiences);
  assert.ok(all.every(({ audience }) => audiences.some(({ id }) => id === audience.id)));

  const paged: Look[] = [];
  for (let target: string | undefined = '/app/access/looks?limit=2'; target !== undefined; ) {
    const found: ReturnType<typeof page> = page(target);
    paged.push(...found.value);
    target = found.nextLink;
  }
  assert.deepEqual(paged, all);

  const own = page('/app/access/looks?limit=2').nextLink ?? '';
  assert.equal(service.ask(bob, 'GET', own).status, 400, "another's cursor");
  const elsewhere = own.replace('/access/looks', '/transactions');
  assert.equal(service.ask(ann, 'GET', elsewhere).status, 400, 'the cursor of another list');
  for (const limit of ['0', '1001', 'x'])
    assert.equal(service.ask(ann, 'GET', `/app/access/looks?limit=${limit}`).status, 400);
});

test('a grant serves those it was given to, until it ends, within its scope', async () => {
  const scoped = { ...grant, args: { ...grant.args, grant: 'mill', reader: 'party:mill' } };
  const service = await openMarket([grant, scoped]);
  order(service, 'a', ['mill']);
  order(service, 'b', ['farm'], cid);
  assert.equal(list(service, rita, '?grant=mill').length, 1);
  const refused = service.ask(eve, 'GET', '/app/transactions?grant=q1');
  assert.equal(refused.status, 403);
  assert.equal(service.ask(eve, 'GET', '/app/transactions?grant=none').body, refused.body);
  assert.equal(service.ask(rita, 'GET', '/app/events?grant=q1').status, 403);
  service.pass(365 * 86_400_000);
  assert.equal(service.ask(rita, 'GET', '/app/transactions?grant=q1').body, refused.body);
});

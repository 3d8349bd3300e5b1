// Two worlds that differ only in what is hidden from the caller: everything the caller can observe is compared.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Given, MemoryService, Person } from '../workloads/memory-service.ts';
import { ann, bob, cid, dan, eve, openMarket } from './orders.ts';

const settings = [{ name: 'set_access_settings', args: { opaque_ids: true } }];

/** What goes on behind the caller's back: other orders, under the same keys too, amended, dropped, refused. */
function hidden(service: MemoryService, round: number): void {
  for (const [who, id, others] of [
    [cid, `${round}`, ['mill']],
    [cid, `${round}`, ['farm']],
    [dan, `x${round}`, []],
    [bob, `y${round}`, ['baker']],
  ] as const) {
    service.ask(who, 'POST', '/app/orders', { id, amount: round, with: others });
  }
  service.ask(cid, 'PUT', `/app/orders/${round}`, { amount: round + 1 });
  service.ask(dan, 'DELETE', `/app/orders/x${round - 1}`);
  service.ask(bob, 'POST', '/app/note', 'a note');
  service.ask(cid, 'GET', '/app/transactions?limit=2');
}

/** The same names for the same things: references and cursors are random, their order and lengths are not. */
function renamed(): (text: string) => string {
  const names = new Map<string, string>();
  return (text) =>
    text.replace(/[A-Za-z0-9_-]{32,59}/g, (name) => {
      // Ids of people and audiences are hexadecimal, and the same in both worlds unless something leaks.
      if (/^[0-9a-f]+$/.test(name)) return name;
      if (!names.has(name)) names.set(name, `<${names.size}:${name.length}>`);
      return names.get(name) as string;
    });
}

/** Everything a caller sees of a world in which it does some things and others may do more. */
async function observe(
  busy: boolean,
  watcher: Person,
  decided: readonly object[] = settings,
): Promise<{ seen: string[]; sizes: number[] }> {
  // The service's secrets are the same in both, so that what is derived from them can be compared.
  const service = await openMarket(decided);
  service.ask(ann, 'POST', '/app/orders', { id: 'first', amount: 1, with: ['mill'] });
  const rename = renamed();
  const seen: string[] = [];
  const sizes: number[] = [];
  const note = (given: Given): Given => {
    seen.push(rename(JSON.stringify([given.status, given.headers, given.body])));
    sizes.push(given.body.length);
    return given;
  };
  const stream = service.stream(watcher, '/app/events?from=2026-01-01T00:00:00Z');
  for (let round = 0; round < 6; round++) {
    if (busy) hidden(service, round);
    note(service.ask(watcher, 'POST', '/app/orders', { id: `${round}`, amount: round, with: ['mill'] }));
    note(service.ask(watcher, 'POST', '/app/orders', { id: `${round}`, amount: round, with: ['mill'] }));
    if (busy) hidden(service, round + 100);
    service.settle();
    service.now = Date.UTC(2026, 0, 1, round + 1);
    service.pass(10);
  }
  const first = note(service.ask(watcher, 'GET', '/app/transactions?limit=2')).json as {
    value: { reference: string }[];
    nextLink: string;
  };
  const one = first.value[0]?.reference ?? '';
  const bent = first.nextLink.replace(/cursor=..../, 'cursor=AAAA');
  for (const path of [
    '/app/transactions',
    '/app/transactions?order=oldest&limit=3',
    '/app/transactions?party=baker',
    '/app/transactions?map=audience:orders&key=2',
    '/app/transactions?map=audience:orders&key=x2',
    '/app/transactions?by=party:baker',
    '/app/transactions?endpoint=POST%20/note',
    '/app/transactions?from=2026-01-01T02:00:00Z',
    '/app/transactions?grant=none',
    first.nextLink,
    bent,
    `/app/transactions/${one}`,
    `/app/transactions/${one}/writes`,
    `/app/transactions/r${'A'.repeat(32)}`,
    `/app/tx?transaction_id=${one}`,
    '/app/tx?transaction_id=2.20',
    '/app/receipt?transaction_id=2.20',
    '/app/commit',
    '/app/access',
    '/app/access/looks',
    '/app/orders',
    '/app/orders/2',
    '/app/orders/x2',
    '/app/orders/none',
    '/app/who',
    '/app/none',
  ]) {
    note(service.ask(watcher, 'GET', path));
  }
  seen.push(rename(stream.read()));
  return { seen, sizes };
}

for (const [name, watcher] of [
  ['a party', ann],
  ['a user without a party', eve],
] as const) {
  test(`${name} cannot tell a silent world from a busy one`, async () => {
    const silent = await observe(false, watcher);
    const busy = await observe(true, watcher);
    assert.deepEqual(busy.sizes, silent.sizes);
    assert.deepEqual(busy.seen, silent.seen);
  });
}

test('with plain transaction ids, which count everything, the comparison does find the difference', async () => {
  const [silent, busy] = [await observe(false, ann, []), await observe(true, ann, [])];
  assert.notDeepEqual(busy.seen, silent.seen);
});

/** The time that a tenth of the calls stays under: what the work itself takes, whatever else the machine does. */
function tenth(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 10)] ?? 0;
}

test('how long a list, a miss or a read takes does not tell how much is hidden', async () => {
  const worlds = [await openMarket(settings), await openMarket(settings)] as const;
  for (const world of worlds) {
    for (let i = 0; i < 50; i++)
      world.ask(ann, 'POST', '/app/orders', { id: `${i}`, amount: 1, with: ['mill'] });
  }
  const [, busy] = worlds;
  for (let i = 0; i < 600; i++)
    busy.ask(cid, 'POST', '/app/orders', { id: `${i}`, amount: 1, with: ['farm'] });
  for (const world of worlds) world.settle();
  const targets = [
    '/app/transactions',
    `/app/transactions/r${'A'.repeat(32)}`,
    '/app/orders/none',
    '/app/orders',
  ];
  for (const target of targets) {
    let ratio = Number.POSITIVE_INFINITY;
    // A machine that is busy with something else is given another chance; a dependence on 600 would not go away.
    for (let attempt = 0; attempt < 4 && ratio > 1.3; attempt++) {
      const times: [number[], number[]] = [[], []];
      for (let i = 0; i < 60; i++) {
        worlds.forEach((world, which) => {
          const begun = performance.now();
          world.ask(ann, 'GET', target);
          times[which as 0 | 1].push(performance.now() - begun);
        });
      }
      ratio = tenth(times[1]) / tenth(times[0]);
    }
    assert.ok(ratio < 1.3, `${target}: ${ratio.toFixed(2)} times as long with 600 hidden orders`);
  }
});

// Two worlds that differ only in what is hidden from the caller: everything the caller can observe is compared.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Given, MemoryService, Person } from '../workloads/memory-service.ts';
import { ann, bob, cid, dan, eve, openMarket } from './orders.ts';

const settings = [{ name: 'set_access_settings', args: { opaque_ids: true } }];

/** Where what audiences write is kept. With the parties: the one node is the mill's. */
const homes = {
  everywhere: () => [],
  parties: ({ node }: MemoryService) => [
    { name: 'set_node_party', args: { node_id: node.id, party: 'mill' } },
    { name: 'set_access_rule', args: { about: 'app', rule: { home: 'parties' } } },
  ],
} as const;
type Home = keyof typeof homes;

async function openAt(home: Home, decided: readonly object[]): Promise<MemoryService> {
  const service = await openMarket(decided);
  const more = homes[home](service);
  if (more.length > 0) await service.govern(more);
  return service;
}

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
    text.replace(/\br[A-Za-z0-9_-]{21}[AQgw](?![A-Za-z0-9_-])|[A-Za-z0-9_-]{32,59}/g, (name) => {
      // Ids of people and audiences are hexadecimal, and the same in both worlds unless something leaks.
      if (/^[0-9a-f]+$/.test(name)) return name;
      if (!names.has(name)) names.set(name, `<${names.size}:${name.length}>`);
      return names.get(name) as string;
    });
}

/** Where a number of a transaction is, by which all are counted. */
const ids = /\b2\.\d+\b/g;
/** Blanks with which an answer is filled up to one of few sizes: with ids in it, their digits count. */
const filling = / +(?="\])/g;

/** What is left of a receipt or a proof when hashes, signatures and certificates, different in any two worlds, are gone. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 && isSibling(value[0]) ? 'path' : value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}

/** A step of a Merkle path: its length follows from how many transactions there are. */
const isSibling = (value: unknown) =>
  typeof value === 'object' && value !== null && ('left' in value || 'right' in value);

interface Seen {
  readonly seen: string[];
  readonly sizes: number[];
  /** Of receipts and proofs. */
  readonly shapes: unknown[];
}

/** Questions whose answers tell of a place in the ledger: asked where ids are opaque. */
const byPlace = [
  '/app/tx?transaction_id=2.20',
  '/app/receipt?transaction_id=2.20',
  '/app/standing?transaction_id=2.20',
];

/** What is asked of one's own transactions and of what is not there, `one` being the newest of the caller's own. */
const questions = (one: string): string[] => [
  '/app/transactions',
  '/app/transactions?order=oldest&limit=3',
  '/app/transactions?party=baker',
  '/app/transactions?map=audience:orders&key=2',
  '/app/transactions?map=audience:orders&key=x2',
  '/app/transactions?by=party:baker',
  '/app/transactions?endpoint=POST%20/note',
  '/app/transactions?from=2026-01-01T02:00:00Z',
  '/app/transactions?grant=none',
  '/app/transactions?cursor=none',
  `/app/transactions/${one}`,
  `/app/transactions/${one}/writes`,
  ...['', '/receipt', '/claims', '/writes'].map((route) => `/app/transactions/r${'A'.repeat(22)}${route}`),
  `/app/tx?transaction_id=${one}`,
  `/app/tx?transaction_id=r${'A'.repeat(22)}`,
  `/app/receipt?transaction_id=r${'A'.repeat(22)}`,
  `/app/standing?transaction_id=r${'A'.repeat(22)}`,
  '/app/events?grant=none',
  '/app/events?cursor=none',
  '/app/commit',
  '/app/access',
  '/app/access/looks',
  '/app/orders',
  '/app/orders/2',
  '/app/orders/x2',
  '/app/orders/none',
  '/app/who',
  '/app/none',
];

/** Everything a caller sees of a world in which it does some things and others may do more. */
async function observe(
  busy: boolean,
  watcher: Person,
  { home, decided }: { readonly home: Home; readonly decided: readonly object[] },
): Promise<Seen> {
  // The service's secrets are the same in both, so that what is derived from them can be compared.
  const service = await openAt(home, decided);
  service.ask(ann, 'POST', '/app/orders', { id: 'first', amount: 1, with: ['mill'] });
  const rename = renamed();
  const all: Seen = { seen: [], sizes: [], shapes: [] };
  const note = (given: Given): Given => {
    all.seen.push(rename(JSON.stringify([given.status, given.headers, given.body])));
    all.sizes.push(given.body.length);
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
  for (const path of [first.nextLink, bent, ...questions(one), ...(decided === settings ? byPlace : [])])
    note(service.ask(watcher, 'GET', path));
  const past = { 'x-ms-ccf-transaction-id': one };
  note(service.ask(watcher, 'GET', '/app/past', undefined, past));
  note(
    service.ask(watcher, 'GET', '/app/past', undefined, { 'x-ms-ccf-transaction-id': `r${'A'.repeat(22)}` }),
  );
  all.seen.push(rename(stream.read()));
  for (const path of [
    `/app/transactions/${one}/receipt`,
    `/app/receipt?transaction_id=${one}`,
    `/app/standing?transaction_id=${one}`,
    `/app/transactions/${one}/claims`,
  ]) {
    const { status, headers, json } = service.ask(watcher, 'GET', path);
    all.shapes.push([path.replace(one, 'R'), status, Object.keys(headers), shapeOf(json)]);
  }
  return all;
}

const watchers = [
  ['a party', ann],
  ['a user without a party', eve],
] as const;

for (const home of ['everywhere', 'parties'] as const) {
  for (const [name, watcher] of watchers) {
    test(`at home ${home}: ${name} cannot tell a silent world from a busy one`, async () => {
      const silent = await observe(false, watcher, { home, decided: settings });
      const busy = await observe(true, watcher, { home, decided: settings });
      assert.deepEqual(busy.sizes, silent.sizes);
      assert.deepEqual(busy.seen, silent.seen);
      assert.deepEqual(busy.shapes, silent.shapes);
      assert.doesNotMatch(silent.seen.join(), ids);
    });

    test(`at home ${home}: by plain transaction ids ${name} can tell them, and by nothing else`, async () => {
      const silent = await observe(false, watcher, { home, decided: [] });
      const busy = await observe(true, watcher, { home, decided: [] });
      assert.notDeepEqual(busy.seen, silent.seen, 'the comparison does find a difference');
      const without = ({ seen }: Seen) =>
        seen.map((each) => each.replaceAll(ids, '2.N').replaceAll(filling, ''));
      assert.deepEqual(without(busy), without(silent));
      assert.deepEqual(busy.shapes, silent.shapes);
    });
  }
}

/** What a tenth of the samples stays under: what the work itself takes, without collections of garbage. */
function tenth(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 10)] ?? 0;
}

/** Processor time of some calls, µs: that others use the machine meanwhile does not count. */
function costOf(calls: () => void): number {
  const begun = process.cpuUsage();
  calls();
  const { system, user } = process.cpuUsage(begun);
  return system + user;
}

for (const home of ['everywhere', 'parties'] as const)
  test(`at home ${home}: how long a list, a miss or a read takes does not tell how much is hidden`, async () => {
    const worlds = [await openAt(home, settings), await openAt(home, settings)] as const;
    for (const world of worlds) {
      for (let i = 0; i < 50; i++)
        world.ask(ann, 'POST', '/app/orders', { id: `${i}`, amount: 1, with: ['mill'] });
    }
    const [, busy] = worlds;
    for (let i = 0; i < 600; i++)
      busy.ask(cid, 'POST', '/app/orders', { id: `${i}`, amount: 1, with: ['mill'] });
    for (const world of worlds) world.settle();
    for (const target of [
      '/app/transactions',
      `/app/transactions/r${'A'.repeat(22)}`,
      `/app/receipt?transaction_id=r${'A'.repeat(22)}`,
      '/app/orders/none',
      '/app/orders',
    ]) {
      let ratio = Number.POSITIVE_INFINITY;
      // A dependence on twelve times as many orders would not go away by trying again.
      for (let attempt = 0; attempt < 4 && ratio > 1.3; attempt++)
        ratio = costRatio(worlds, (world) => world.ask(ann, 'GET', target));
      assert.ok(ratio < 1.3, `${target}: ${ratio.toFixed(2)} times the work with 600 hidden orders`);
    }
  });

/** How many times the processor time of one world a call takes in the other, the second by the first. */
function costRatio(
  worlds: readonly [MemoryService, MemoryService],
  call: (world: MemoryService) => void,
): number {
  const costs: [number[], number[]] = [[], []];
  for (let i = 0; i < 15; i++) {
    worlds.forEach((world, which) => {
      const cost = costOf(() => {
        for (let calls = 0; calls < 4; calls++) call(world);
      });
      costs[which as 0 | 1].push(cost);
    });
  }
  return tenth(costs[1]) / tenth(costs[0]);
}

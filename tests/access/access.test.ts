import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Given, MemoryService } from '../workloads/memory-service.ts';
import { amy, ann, bob, cid, dan, eve, openMarket, rita } from './orders.ts';

interface Item {
  readonly reference: string;
  readonly transaction_id?: string;
  readonly endpoint: string;
  readonly by: string;
  readonly audiences: readonly {
    readonly id: string;
    readonly readers: readonly string[];
    readonly shredded: boolean;
  }[];
}

const place = (id: string, amount: number, others: readonly string[] = []) => ({ id, amount, with: others });
const pageOf = (given: Given) => given.json as { value: readonly Item[]; nextLink?: string };
const listOf = (service: MemoryService, who: Parameters<MemoryService['ask']>[0], query = '') =>
  pageOf(service.ask(who, 'GET', `/app/transactions${query}`)).value;
const referenceOf = (given: Given) => given.headers['coco-transaction-reference'] ?? '';

/** A market in which ann (grocer) ordered from bob (mill) and dan (farm), and cid (baker) from bob. */
async function traded(more: readonly object[] = []): Promise<MemoryService> {
  const service = await openMarket(more);
  service.ask(ann, 'POST', '/app/orders', place('a', 10, ['mill']));
  service.ask(ann, 'POST', '/app/orders', place('b', 20, ['farm']));
  service.ask(cid, 'POST', '/app/orders', place('a', 300, ['mill']));
  service.settle();
  return service;
}

test('a private transaction is listed to its parties and to nobody else', async () => {
  const service = await openMarket();
  const placed = service.ask(ann, 'POST', '/app/orders', place('1', 10, ['mill']));
  assert.equal(placed.status, 200, placed.body);
  assert.match(referenceOf(placed), /^r[A-Za-z0-9_-]{22}$/);
  service.settle();
  for (const who of [ann, amy, bob]) {
    const [only, ...others] = listOf(service, who);
    assert.deepEqual(others, []);
    assert.equal(only?.reference, referenceOf(placed));
    assert.equal(only?.transaction_id, placed.headers['x-ms-ccf-transaction-id']);
    assert.equal(only?.endpoint, 'POST /orders');
    assert.equal(only?.by, 'party:grocer');
    assert.deepEqual(
      only?.audiences.map(({ readers }) => readers),
      [['party:grocer', 'party:mill']],
    );
  }
  for (const who of [cid, eve]) assert.deepEqual(listOf(service, who), []);
  assert.equal(service.ask(undefined, 'GET', '/app/transactions').status, 401);
});

test('only what is committed is listed, newest first or oldest first, page by page without a gap', async () => {
  const service = await openMarket();
  const mine: string[] = [];
  for (let i = 0; i < 7; i++) {
    mine.push(referenceOf(service.ask(ann, 'POST', '/app/orders', place(`${i}`, i, ['mill']))));
    service.ask(cid, 'POST', '/app/orders', place(`${i}`, i));
  }
  service.settle();
  for (const [query, expected] of [
    ['?limit=3', [...mine].reverse()],
    ['?limit=3&order=oldest', mine],
  ] as const) {
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let next: string | undefined = `/app/transactions${query}`; next; ) {
      const page = pageOf(service.ask(bob, 'GET', next));
      seen.push(...page.value.map(({ reference }) => reference));
      sizes.push(page.value.length);
      next = page.nextLink;
    }
    assert.deepEqual(seen, expected);
    assert.deepEqual(sizes, [3, 3, 1]);
  }
});

test('filters find by endpoint, time, party, caller and written key, within what the caller sees', async () => {
  const service = await traded();
  const count = (who: typeof ann, query: string) => listOf(service, who, query).length;
  assert.equal(count(bob, ''), 2);
  assert.equal(count(bob, '?party=grocer'), 1);
  assert.equal(count(bob, '?by=party:baker'), 1);
  assert.equal(count(bob, '?endpoint=POST%20/orders'), 2);
  assert.equal(count(bob, '?endpoint=POST%20/note'), 0);
  assert.equal(count(bob, '?map=audience:orders&key=a'), 2);
  assert.equal(count(ann, '?map=audience:orders&key=a'), 1);
  assert.equal(count(dan, '?map=audience:orders&key=a'), 0);
  assert.equal(count(bob, '?from=2026-01-01T00:00:00Z'), 2);
  assert.equal(count(bob, '?to=2026-01-01T00:00:00Z'), 0);
  for (const bad of ['?limit=0', '?limit=x', '?order=best', '?map=m', '?from=yesterday']) {
    assert.equal(service.ask(bob, 'GET', `/app/transactions${bad}`).status, 400, bad);
  }
});

test('a cursor serves its caller and its question alone, for a day, and cannot be bent', async () => {
  const service = await traded();
  const { nextLink = '' } = pageOf(service.ask(bob, 'GET', '/app/transactions?limit=1'));
  const cursor = new URL(nextLink, 'https://x').searchParams.get('cursor') ?? '';
  assert.equal(service.ask(bob, 'GET', nextLink).status, 200);
  const refused = service.ask(ann, 'GET', nextLink);
  assert.equal(refused.status, 400);
  for (const [who, target] of [
    [bob, `/app/transactions?limit=1&order=oldest&cursor=${cursor}`],
    [bob, `/app/transactions?party=grocer&cursor=${cursor}`],
    [bob, `/app/transactions?cursor=${cursor.slice(0, -1)}`],
    [bob, `/app/transactions?cursor=${cursor.slice(0, 20)}A${cursor.slice(21)}B`],
    [bob, `/app/transactions?cursor=${'A'.repeat(cursor.length)}`],
    [bob, '/app/transactions?cursor='],
    [eve, nextLink],
  ] as const) {
    const given = service.ask(who, 'GET', target);
    assert.equal(given.body, refused.body, target);
  }
  service.pass(25 * 3600 * 1000);
  assert.equal(service.ask(bob, 'GET', nextLink).body, refused.body);
});

test('absent, foreign and malformed references have one answer on every route', async () => {
  const service = await traded();
  const reference = listOf(service, cid)[0]?.reference ?? '';
  for (const route of ['', '/receipt', '/writes', '/claims']) {
    const of = (name: string) => service.ask(dan, 'GET', `/app/transactions/${name}${route}`);
    const absent = of(`r${'A'.repeat(22)}`);
    assert.equal(absent.status, 404);
    for (const name of [reference, `${reference.slice(0, -1)}A`, 'x', '2.10', '%00']) {
      const given = of(name);
      assert.equal(given.status, 404);
      assert.equal(given.body, absent.body, `${route} ${name}`);
      assert.deepEqual(Object.keys(given.headers), Object.keys(absent.headers));
    }
    assert.equal(service.ask(bob, 'GET', `/app/transactions/${reference}${route}`).status, 200, route);
  }
});

test('receipt and status by id: of private transactions for those who see them', async () => {
  const service = await traded();
  const [item] = listOf(service, cid);
  const id = item?.transaction_id ?? '';
  for (const frontend of ['app', 'node', 'gov']) {
    const path = `/${frontend}/receipt?transaction_id=`;
    assert.equal(service.ask(bob, 'GET', path + id).status, 200);
    const hidden = service.ask(dan, 'GET', path + id);
    const absent = service.ask(dan, 'GET', `${path}2.999`);
    assert.equal(hidden.body, absent.body.replace('2.999', id));
    assert.equal(hidden.status, absent.status);
    assert.equal(service.ask(undefined, 'GET', path + id).body, hidden.body);
    assert.equal(service.ask(dan, 'GET', path + item?.reference).status, 404);
    assert.equal(service.ask(bob, 'GET', path + item?.reference).status, 200);
  }
  const status = (who: typeof dan) => service.ask(who, 'GET', `/app/tx?transaction_id=${item?.reference}`);
  assert.deepEqual(status(bob).json, { status: 'Committed', transaction_id: item?.reference });
  assert.equal(status(dan).body, service.ask(dan, 'GET', `/app/tx?transaction_id=r${'A'.repeat(22)}`).body);
});

test('a proof of standing by plain id is for those who may know of the transaction', async () => {
  const service = await traded();
  const id = service.ask(ann, 'POST', '/app/orders', place('z', 1)).headers['x-ms-ccf-transaction-id'] ?? '';
  service.settle();
  const standing = (who: Parameters<typeof listOf>[1], txId: string) =>
    service.ask(who, 'GET', `/app/standing?transaction_id=${txId}`);
  assert.equal((standing(ann, id).json as { standing: string }).standing, 'in-force');
  const [hidden, absent] = [standing(dan, id), standing(dan, '2.99999')];
  assert.equal(hidden.status, 404);
  assert.equal(hidden.body.replace(id, 'ID'), absent.body.replace('2.99999', 'ID'));
});

test('with opaque ids, callers of the app see no count of all transactions', async () => {
  const service = await traded([{ name: 'set_access_settings', args: { opaque_ids: true } }]);
  const placed = service.ask(ann, 'POST', '/app/orders', place('z', 1));
  service.settle();
  for (const given of [
    placed,
    service.ask(ann, 'GET', '/app/transactions'),
    service.ask(ann, 'GET', '/app/orders'),
    service.ask(ann, 'GET', '/app/commit'),
    service.ask(ann, 'GET', '/app/tx?transaction_id=2.10'),
    service.ask(ann, 'GET', '/app/receipt?transaction_id=2.10'),
  ]) {
    assert.equal(given.headers['x-ms-ccf-transaction-id'], undefined);
    assert.doesNotMatch(given.body, /transaction_id|\b2\.\d/);
  }
  const status = service.ask(ann, 'GET', `/app/tx?transaction_id=${referenceOf(placed)}`);
  assert.deepEqual(status.json, { status: 'Committed', transaction_id: referenceOf(placed) });
});

test('with opaque ids, what is private to nobody is known by a reference as well, from the first write on', async () => {
  const service = await openMarket([{ name: 'set_access_settings', args: { opaque_ids: true } }]);
  const written = service.ask(eve, 'POST', '/app/plain', { id: 'a' });
  service.settle();
  assert.equal(written.headers['x-ms-ccf-transaction-id'], undefined);
  const name = referenceOf(written);
  for (const who of [eve, ann])
    assert.deepEqual(service.ask(who, 'GET', `/app/tx?transaction_id=${name}`).json, {
      status: 'Committed',
      transaction_id: name,
    });
  assert.deepEqual(listOf(service, eve), []);
  const again = service.ask(eve, 'POST', '/app/plain', { id: 'b' });
  assert.notEqual(referenceOf(again), name);
});

test('code reads the rows of its caller and no others, in every way of reading', async () => {
  const service = await traded();
  const orders = (who: typeof ann) => service.ask(who, 'GET', '/app/orders').json;
  assert.deepEqual(orders(ann), {
    orders: [
      ['a', { amount: 10 }],
      ['b', { amount: 20 }],
    ],
    size: 2,
  });
  assert.deepEqual(orders(amy), orders(ann));
  const { orders: both, size } = orders(bob) as { orders: [string, { amount: number }][]; size: number };
  assert.deepEqual(both.map(([key, { amount }]) => [key, amount]).sort(), [
    ['a', 10],
    ['a', 300],
  ]);
  assert.equal(size, 2);
  assert.deepEqual(orders(dan), { orders: [['b', { amount: 20 }]], size: 1 });
  assert.deepEqual(orders(eve), { orders: [], size: 0 });
  assert.deepEqual(service.ask(undefined, 'GET', '/app/orders').json, { orders: [], size: 0 });
  assert.deepEqual(service.ask(cid, 'GET', '/app/orders/a').json, { amount: 300 });
  assert.equal(service.ask(cid, 'GET', '/app/orders/b').body, service.ask(cid, 'GET', '/app/orders/c').body);
});

test('code that members gave the right reads past its caller and answers with the result', async () => {
  const service = await traded();
  assert.deepEqual(service.ask(eve, 'GET', '/app/total').json, { total: 330 });
  const about = 'endpoint GET /total';
  await service.govern([{ name: 'set_access_rule', args: { about, rule: { reads: [] } } }]);
  assert.deepEqual(service.ask(eve, 'GET', '/app/total').json, { total: 0 });
});

test('two audiences use one key without learning of one another', async () => {
  const service = await traded();
  assert.equal(service.ask(dan, 'POST', '/app/orders', place('a', 5)).status, 200);
  assert.equal(service.ask(dan, 'POST', '/app/orders', place('a', 6)).status, 409);
  service.ask(dan, 'DELETE', '/app/orders/a');
  assert.deepEqual(service.ask(ann, 'GET', '/app/orders/a').json, { amount: 10 });
});

test('a row keeps its audience when it is written again, and moves when code says so', async () => {
  const service = await traded();
  service.ask(bob, 'PUT', '/app/orders/a', { amount: 11 });
  const amounts = [ann, cid].map(
    (who) => (service.ask(who, 'GET', '/app/orders/a').json as { amount: number }).amount,
  );
  assert.equal(
    amounts.filter((amount) => amount === 11).length,
    1,
    'bob sees two rows under this key and changes one',
  );
  service.ask(ann, 'PUT', '/app/orders/b', { amount: 21, audience: ['caller', 'baker'] });
  assert.deepEqual(service.ask(cid, 'GET', '/app/orders/b').json, { amount: 21 });
  assert.equal(service.ask(dan, 'GET', '/app/orders/b').status, 404);
  service.settle();
  assert.equal(listOf(service, dan, '?map=audience:orders&key=b').length, 2, 'the row was taken from it');
});

test('a rule makes private what the code says nothing about', async () => {
  const service = await openMarket();
  const noted = service.ask(ann, 'POST', '/app/note', 'mine');
  assert.equal(noted.status, 200, noted.body);
  service.ask(ann, 'POST', '/app/plain', { id: '1' });
  service.settle();
  assert.deepEqual(
    listOf(service, amy).map(({ endpoint }) => endpoint),
    ['POST /note'],
  );
  assert.deepEqual(listOf(service, bob), []);
  await service.govern([
    { name: 'set_access_rule', args: { about: 'app', rule: { audience: ['caller', 'role:regulator'] } } },
  ]);
  service.ask(ann, 'POST', '/app/plain', { id: '2' });
  service.settle();
  assert.deepEqual(
    listOf(service, rita).map(({ endpoint }) => endpoint),
    ['POST /plain'],
  );
});

test('code cannot make its audience wider than it said, than members said, or of readers that are none', async () => {
  const service = await openMarket();
  const refused: [string, unknown][] = [
    ['/app/widen', ['caller', 'mill']],
    ['/app/widen', ['everybody']],
    ['/app/bounded', place('1', 1, ['baker'])],
    ['/app/orders', place('1', 1, ['party:'])],
    ['/app/orders', place('1', 1, ['role:a b'])],
    ['/app/orders', place('1', 1, ['group:x'])],
    [
      '/app/orders',
      place(
        '1',
        1,
        Array.from({ length: 40 }, (_, i) => `p${i}`),
      ),
    ],
    ['/app/orders', { id: '1', with: [7] }],
  ];
  // A second time, since what was taken once is not asked again at once.
  for (const [path, body] of [...refused, ...refused]) {
    const given = service.ask(ann, 'POST', path, body);
    assert.equal(given.status, 500, `${path} ${JSON.stringify(body)}`);
    assert.match(given.body, /AccessError|reader|within/);
  }
  assert.equal(service.ask(ann, 'POST', '/app/bounded', place('1', 1, ['mill'])).status, 200);
  assert.equal(
    service.ask(undefined, 'POST', '/app/orders', place('1', 1)).status,
    500,
    'nobody has no "caller"',
  );
  service.settle();
  assert.equal(listOf(service, ann).length, 1);
});

test('an audience that was taken before is refused once members have narrowed it', async () => {
  const service = await openMarket();
  const order = (id: string) =>
    service.ask(ann, 'POST', '/app/orders', place(id, 1, ['mill', 'farm'])).status;
  assert.deepEqual([order('1'), order('2'), order('3')], [200, 200, 200]);
  const rule = { within: ['caller', 'party:mill'] };
  await service.govern([{ name: 'set_access_rule', args: { about: 'endpoint POST /orders', rule } }]);
  assert.deepEqual([order('4'), order('5')], [500, 500]);
  service.settle();
  for (const who of [ann, bob, dan]) assert.equal(listOf(service, who).length, 3);
});

test('the log of the contract says nothing of private calls, nor of those that may have been when a limit ended them', async () => {
  const limits = { max_heap_bytes: 100_000_000, max_stack_bytes: 1_000_000, max_execution_time_ms: 200 };
  const service = await openMarket([
    { name: 'set_js_runtime_options', args: limits },
    { name: 'set_contract_log', args: { readers: ['user_cert'] } },
  ]);
  const hurry = (text: string) => service.ask(ann, 'POST', '/app/hurry', text).status;
  assert.deepEqual([hurry('ends'), hurry('ends'), hurry('never ends')], [200, 200, 500]);
  service.ask(ann, 'POST', '/app/plain');
  const { calls } = service.ask(eve, 'GET', '/node/contract/log').json as { calls: { path: string }[] };
  assert.deepEqual(
    calls.map(({ path }) => path),
    ['/app/plain'],
  );
});

test('past states show rows of the caller, opened, and nothing of the records', async () => {
  const service = await traded();
  const [item] = listOf(service, ann, '?map=audience:orders&key=a');
  const past = (who: typeof ann, id = '') => {
    const session = { 'x-ms-ccf-transaction-id': id };
    return service.ask(who, 'GET', '/app/past', undefined, session);
  };
  assert.deepEqual(past(ann, item?.transaction_id).json, {
    orders: [['a', { amount: 10 }]],
    internal: [0, 0],
  });
  assert.deepEqual(past(ann, item?.reference).json, { orders: [['a', { amount: 10 }]], internal: [0, 0] });
  const hidden = past(cid, item?.transaction_id);
  assert.equal(hidden.body, past(cid, '2.999').body.replace('2.999', item?.transaction_id ?? ''));
  const writes = service.ask(bob, 'GET', `/app/transactions/${item?.reference}/writes`).json;
  assert.deepEqual(writes, {
    value: [{ map: 'audience:orders', rows: [{ key: 'a', value: '{"amount":10}' }] }],
  });
});

test('code may ask who its caller is, and has no way to the records of this room', async () => {
  const service = await traded();
  assert.deepEqual(service.ask(bob, 'GET', '/app/who').json, {
    id: bob.id,
    party: 'mill',
    roles: [],
    readers: ['everybody', 'party:mill', `user:${bob.id}`],
  });
  for (const map of ['keys', 'transactions', 'index', 'secret', 'audiences', 'claims', 'log']) {
    assert.match(service.ask(bob, 'GET', `/app/peek/${map}`).body, /Cannot call forEach|Cannot call foreach/);
  }
});

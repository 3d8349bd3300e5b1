import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createTestService } from '@coco/contract-test';

const contract = new URL('testing/contract', import.meta.url);

interface Refused {
  readonly error: { readonly code: string; readonly message: string; readonly details: { target: string }[] };
}

test('a request that fits is answered, and what it wrote is kept', async () => {
  const service = await createTestService(contract);
  const body = { items: [{ name: 'bolt', price: 2 }] };
  const answer = await service.as('alice').post('/orders/north?tag=a&tag=b', body);
  assert.deepEqual([answer.status, answer.body], [201, { first: 'bolt', tags: ['a', 'b'] }]);
  assert.deepEqual((await service.anybody.get('/items/north')).body, [[0, { name: 'bolt', price: 2 }]]);
});

const fitting = { items: [{ name: 'bolt', price: 2 }] };
const wrong: [name: string, path: string, body: unknown, targets: string[]][] = [
  ['a field', '/orders/north', { items: [{ name: 'bolt', price: -1 }] }, ['body.items[0].price']],
  [
    'every field',
    '/orders/north',
    { items: [{ name: 1, price: 2 }, { name: 'nut' }] },
    ['body.items[0].name', 'body.items[1].price'],
  ],
  ['a missing body', '/orders/north', undefined, ['body']],
  ['a body that is not JSON', '/orders/north', '{', ['body']],
  ['a parameter of the path', '/orders/much-too-long', fitting, ['params.shop']],
  ['a path that is not percent-encoded', '/orders/%ff', fitting, ['params.shop']],
];
for (const [name, path, body, targets] of wrong) {
  test(`a refusal names ${name}`, async () => {
    const service = await createTestService(contract);
    const answer = await service.as('alice').post<Refused>(path, body);
    assert.deepEqual([answer.status, answer.body.error.code], [400, 'InvalidInput']);
    assert.deepEqual(
      answer.body.error.details.map(({ target }) => target),
      targets,
    );
    for (const target of targets) assert.ok(answer.body.error.message.includes(target));
    assert.deepEqual(answer.writes, {});
  });
}

test('parameters of the path are decoded once', async () => {
  const service = await createTestService(contract);
  await service.as('alice').post('/orders/a%2Fb%2525', fitting);
  assert.deepEqual(Object.keys(service.content('items') ?? {}), [
    'a/b%25\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00',
  ]);
});

test('a token for somebody else is refused, one for this contract is not', async () => {
  const service = await createTestService(contract);
  const send = (claims: object) => service.withToken({ ...claims }).post<Refused>('/orders/north', fitting);
  assert.equal((await send({ aud: 'elsewhere' })).status, 401);
  assert.equal((await send({})).body.error.code, 'InvalidAuthenticationInfo');
  assert.equal((await send({ aud: ['elsewhere', 'shop'] })).status, 201);
});

test('an answer that breaks its declaration is an error of the contract, and nothing is written', async () => {
  const service = await createTestService(contract);
  const answer = await service.anybody.post('/broken');
  assert.equal(answer.status, 500);
  assert.match(answer.failure?.reason ?? '', /POST \/broken breaks its declaration: response\.count/);
  // The trace leads to sources, not into the bundle.
  assert.match(answer.failure?.trace ?? '', /at promised \(\S*serve\.ts:\d+:\d+\)/);
  assert.deepEqual(service.content('public:words'), {});
});

test('a failure names the line of the source it came from', async () => {
  const source = readFileSync(new URL('testing/contract/src/app.ts', import.meta.url), 'utf8');
  const line = source.split('\n').findIndex((text) => text.includes('a mistake on this line')) + 1;
  const service = await createTestService(contract);
  const { failure } = await service.anybody.post('/crash');
  assert.match(failure?.trace ?? '', new RegExp(`src/app\\.ts:${line}:`));
});

test('a refusal carries status, code and headers, and nothing is written', async () => {
  const service = await createTestService(contract);
  const answer = await service.anybody.post<Refused>('/refused');
  assert.deepEqual([answer.status, answer.headers['retry-after']], [409, '7']);
  assert.deepEqual(answer.body, { error: { code: 'Taken', message: 'It is taken.' } });
  assert.deepEqual(service.content('public:words'), {});
});

test('an asynchronous handler is waited for, its refusals too', async () => {
  const service = await createTestService(contract);
  const answer = await service.anybody.post('/later', 'slowly');
  assert.deepEqual([answer.status, answer.body, answer.headers['x-made']], [202, { later: true }, 'yes']);
  assert.deepEqual(service.content('public:words'), { slowly: 6 });
  assert.equal((await service.anybody.post('/later', 'no')).status, 403);
});

test('a handler that says nothing answers 204, and its claim is in the receipt', async () => {
  const service = await createTestService(contract);
  const { status, body, transactionId = '' } = await service.anybody.put('/words/hello');
  assert.deepEqual([status, body], [204, undefined]);
  const receipt = service.receipt(transactionId) as { leaf_components: { claims_digest: string } };
  // SHA-256 of "hello".
  assert.equal(
    receipt.leaf_components.claims_digest,
    '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
  );
});

test('bytes arrive as they are', async () => {
  const service = await createTestService(contract);
  assert.deepEqual((await service.anybody.post('/bytes', new Uint8Array([0, 255, 7]))).body, { length: 3 });
});

test('a past transaction shows what it wrote and nothing else', async () => {
  const service = await createTestService(contract);
  const { transactionId = '' } = await service.anybody.put('/words/hello');
  await service.anybody.put('/words/later');
  assert.deepEqual((await service.anybody.get('/past/hello', { transactionId })).body, { was: 5 });
  assert.deepEqual((await service.anybody.get('/past/later', { transactionId })).body, { was: null });
});

test('a compensation is told what transactions wrote, in the types of their maps', async () => {
  const service = await createTestService(contract);
  const order = (price: number) =>
    service.as('alice').post('/orders/north', { items: [{ name: 'bolt', price }] });
  const first = await order(2);
  const made = service.makeUp('refund', first.transactionId ?? '');
  assert.equal(made.status, 204, JSON.stringify(made.failure));
  assert.deepEqual(made.writes, { 'public:words': { [`refund ${first.transactionId} north 0`]: 2 } });
  const second = await order(3);
  assert.equal(service.makeUp('refund', second.transactionId ?? '').status, 409, 'it says that it cannot');
  assert.throws(() => service.makeUp('post_broken', first.transactionId ?? ''), /declares no compensation/);
});

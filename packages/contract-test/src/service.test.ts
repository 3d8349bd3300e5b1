import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bundle, EndpointProps } from '@coco/contract-build';
import { verifyReceipt } from '@coco/ledger';
import { createTestService } from './index.ts';

const module = `
  const seen = { calls: 0 };
  const notes = () => ccf.kv['notes'];
  export function put(request) {
    notes().set(ccf.strToBuf(request.params.id), request.body.arrayBuffer());
    console.log('put', request.params.id);
    return { statusCode: Number(request.query || 200) };
  }
  export function who(request) { return { body: request.caller }; }
  export function time() { return { body: { now: Date.now(), chance: Math.random(), calls: ++seen.calls } }; }
  export function status(request) {
    return { body: { last: ccf.consensus.getLastCommittedTxId(), status: ccf.consensus.getStatusForTxId(2, Number(request.query)) } };
  }
  export function past() { return { body: { id: ccf.historicalState.transactionId, text: ccf.bufToStr(ccf.historicalState.kv['notes'].get(ccf.strToBuf('a'))) } }; }
  export function span() {
    const states = ccf.historical.getStateRange(1, 1, 2, 60);
    return states === null ? { statusCode: 202 } : { body: states.map(({ transactionId }) => transactionId) };
  }
  export function fail() { throw new Error('as planned'); }
  export function loop() { for (;;); }
`;

function endpoint(name: string, more: Partial<EndpointProps> = {}): EndpointProps {
  return { js_module: 'app.js', js_function: name, mode: 'readonly', authn_policies: [], ...more };
}

const bundle: Bundle = {
  metadata: {
    endpoints: {
      '/notes/{id}': { put: endpoint('put', { mode: 'readwrite' }) },
      '/notes/special': { get: endpoint('time') },
      '/user': { get: endpoint('who', { authn_policies: ['user_cert'] }) },
      '/member': { get: endpoint('who', { authn_policies: ['member_cert'] }) },
      '/any': { get: endpoint('who', { authn_policies: ['any_cert', 'no_auth'] }) },
      '/both': { get: endpoint('who', { authn_policies: [{ all_of: ['user_cert', 'jwt'] }] }) },
      '/time': { get: endpoint('time', { interpreter_reuse: { key: 'k' } }) },
      '/status': { get: endpoint('status') },
      '/past': { get: endpoint('past', { mode: 'historical' }) },
      '/span': { get: endpoint('span') },
      '/fail': { post: endpoint('fail', { mode: 'readwrite' }) },
      '/loop': { post: endpoint('loop', { mode: 'readwrite' }) },
    },
  },
  modules: [{ name: 'app.js', module }],
};

type Time = { now: number; chance: number; calls: number };

test('what is written is told, counted as a transaction, and there for the next', async () => {
  const service = await createTestService(bundle);
  const answer = await service.anybody.put('/notes/a', 'hello');
  assert.deepEqual(
    [answer.status, answer.writes, answer.transactionId],
    [200, { notes: { a: 'hello' } }, '2.1'],
  );
  assert.deepEqual(answer.log, [{ level: 'info', text: 'put a' }]);
  assert.deepEqual(service.content('notes'), { a: 'hello' });
});

test('an error status discards the writes', async () => {
  const service = await createTestService(bundle);
  const { writes, transactionId } = await service.anybody.put('/notes/a?404', 'hello');
  assert.deepEqual([writes, transactionId, service.content('notes')], [{}, undefined, {}]);
});

const unreachable: [method: 'get' | 'post', path: string, status: number, code: string][] = [
  ['get', '/nowhere', 404, 'ResourceNotFound'],
  ['get', '/notes/a', 405, 'UnsupportedHttpVerb'],
  ['get', '/user', 401, 'InvalidAuthenticationInfo'],
];
for (const [method, path, status, code] of unreachable) {
  test(`${method} ${path} by nobody is answered ${status} as on a node`, async () => {
    const service = await createTestService(bundle);
    const answer = await service.anybody[method]<{ error: { code: string } }>(path);
    assert.deepEqual([answer.status, answer.body.error.code], [status, code]);
  });
}

test('an exact path goes before a template, with or without /app in front', async () => {
  const service = await createTestService(bundle);
  assert.equal((await service.anybody.get('/notes/special')).status, 200);
  assert.equal((await service.anybody.get('/app/notes/special')).status, 200);
});

test('callers are who the test says, with what members recorded', async () => {
  const service = await createTestService(bundle);
  const alice = service.user('alice', { data: { role: 'buyer' } });
  const { body } = await service.as(alice).get('/user');
  assert.deepEqual(body, { policy: 'user_cert', id: alice.id, data: { role: 'buyer' }, cert: alice.pem });
  const member = service.member('m');
  assert.equal((await service.as(member).get('/member')).status, 200);
  assert.equal((await service.as(member).get('/user')).status, 401);
  assert.equal((await service.as(service.stranger('eve')).get('/user')).status, 401);
  assert.equal(
    (await service.as(service.stranger('eve')).get<{ policy: string }>('/any')).body.policy,
    'any_cert',
  );
  assert.equal((await service.anybody.get<{ policy: string }>('/any')).body.policy, 'no_auth');
});

test('a caller may need a certificate and a token; the token ends', async () => {
  const service = await createTestService(bundle);
  const token = service.token({ sub: 'a' });
  assert.equal((await service.as('alice').get('/both')).status, 401);
  assert.equal((await service.withToken(token).get('/both')).status, 401);
  assert.equal((await service.as('alice', { token }).get('/both')).status, 200);
  service.clock.advance(2 * 3600 * 1000);
  assert.equal((await service.as('alice', { token }).get('/both')).status, 401);
});

test('the same name is the same person in every service, so that snapshots stay', async () => {
  const [one, two] = [await createTestService(bundle), await createTestService(bundle)];
  assert.equal(one.user('alice').id, two.user('alice').id);
  assert.notEqual(one.user('alice').id, one.user('bob').id);
});

test('clock and chance are under control', async () => {
  const at = { now: '2030-01-01T00:00:00Z' };
  const [one, two] = [await createTestService(bundle, at), await createTestService(bundle, at)];
  const first = (await one.anybody.get<Time>('/time')).body;
  assert.equal(first.now, Date.UTC(2030, 0, 1));
  assert.deepEqual((await two.anybody.get<Time>('/time')).body, first);
  one.clock.advance(5);
  assert.equal((await one.anybody.get<Time>('/time')).body.now, first.now + 5);
});

test('services share no interpreter, one service does with itself if the contract asks for it', async () => {
  const one = await createTestService(bundle);
  const calls = async (from: typeof one) => (await from.anybody.get<Time>('/time')).body.calls;
  assert.deepEqual([await calls(one), await calls(one)], [1, 2]);
  assert.equal(await calls(await createTestService(bundle)), 1);
});

test('what is committed is the test to say', async () => {
  const service = await createTestService(bundle, { commitsAtOnce: false });
  const { transactionId = '' } = await service.anybody.put('/notes/a', 'hello');
  const status = async (seqno: number) =>
    (await service.anybody.get<{ status: string }>(`/status?${seqno}`)).body.status;
  assert.deepEqual([await status(1), await status(2)], ['Pending', 'Unknown']);
  assert.equal((await service.anybody.get('/past', { transactionId })).status, 404);
  assert.throws(() => service.receipt(transactionId), { code: 'NotCommitted' });
  service.commit(transactionId);
  assert.equal(await status(1), 'Committed');
  assert.deepEqual((await service.anybody.get('/past', { transactionId })).body, {
    id: '2.1',
    text: 'hello',
  });
});

test('the past may have to be waited for', async () => {
  const service = await createTestService(bundle);
  const { transactionId = '' } = await service.anybody.put('/notes/a', 'one');
  await service.anybody.put('/notes/a', 'two');
  service.historyIsLoading = true;
  const waiting = await service.anybody.get('/past', { transactionId });
  assert.deepEqual([waiting.status, waiting.headers['retry-after']], [202, '3']);
  assert.equal((await service.anybody.get('/span')).status, 202);
  service.historyIsLoading = false;
  assert.deepEqual((await service.anybody.get('/span')).body, ['2.1', '2.2']);
});

test('receipts verify against the certificate of the service', async () => {
  const service = await createTestService(bundle);
  const { transactionId = '' } = await service.anybody.put('/notes/a', 'one');
  await service.anybody.put('/notes/a', 'two');
  const verified = verifyReceipt(service.receipt(transactionId), service.serviceCertificate);
  assert.deepEqual(verified.kind === 'transaction' && verified.txId, { view: 2, seqno: 1 });
});

test('why a contract failed is told to the test, not to the caller', async () => {
  const service = await createTestService(bundle);
  const { status, body, failure } = await service.anybody.post('/fail');
  assert.equal(status, 500);
  assert.doesNotMatch(JSON.stringify(body), /as planned/);
  assert.match(failure?.reason ?? '', /as planned/);
});

test('limits hold as on a node', async () => {
  const service = await createTestService(bundle, { limits: { max_execution_time_ms: 50 } });
  const { status, body } = await service.anybody.post('/loop');
  assert.deepEqual(
    [status, body],
    [500, { error: { code: 'InternalError', message: 'Operation took too long to complete.' } }],
  );
});

test('a contract that does not parse is refused at once', async () => {
  const broken = { ...bundle, modules: [{ name: 'app.js', module: 'export function {' }] };
  await assert.rejects(createTestService(broken), { code: 'ContractUnusable' });
});

test('a compensation is given rows of audiences opened, and writes for them', async () => {
  const source = `
    const deals = ccf.kv['audience:deals'];
    export function deal({ body }) {
      ccf.access.setAudience(['caller']);
      deals.set(ccf.strToBuf('d'), body.arrayBuffer());
      return { statusCode: 200 };
    }
    export function credit({ body }) {
      const [{ writes }] = body.json().transactions;
      deals.set(ccf.strToBuf('credit'), ccf.strToBuf(JSON.stringify(writes)));
      return { statusCode: 200 };
    }`;
  const service = await createTestService({
    metadata: {
      endpoints: {
        '/deal': { post: endpoint('deal', { mode: 'readwrite', authn_policies: ['user_cert'] }) },
      },
      compensations: [{ js_module: 'app.js', js_function: 'credit' }],
    },
    modules: [{ name: 'app.js', module: source }],
  });
  await service.as('ann').post('/deal', 'at 3');
  const second = await service.as('ann').post('/deal', 'at 5');
  const { writes } = service.makeUp('credit', second.transactionId ?? '');
  const [told] = (writes['audience:deals']?.credit ?? []) as Record<string, string>[];
  assert.deepEqual(
    [told?.map, ...[told?.key, told?.value, told?.before].map((each) => atob(each ?? ''))],
    ['audience:deals', 'd', 'at 5', 'at 3'],
  );
});

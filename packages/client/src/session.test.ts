import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorBody } from '@coco/api';
import type { Answer } from './answer.ts';
import { ClientError } from './errors.ts';
import { attemptsMax, leaderlessAttemptsMax, leaderlessDelayMs, redirectsMax } from './limits.ts';
import { type Repeatable, retryDelay } from './retry.ts';
import { type Request, Session, type SessionOptions } from './session.ts';
import { answered, scripted } from './testing/scripted.ts';

const addresses = ['https://10.0.0.1:8000', 'https://10.0.0.2:8000'];
const read: Request = { method: 'GET', path: '/app/log?id=1' };
const write: Request = { method: 'POST', path: '/app/log', json: { id: 1 } };

function failed(code: 'Unreachable' | 'Interrupted'): ClientError {
  return new ClientError(code, code);
}

function refused(status: number, code: Parameters<typeof errorBody>[0], headers = {}): Answer {
  return answered(status, errorBody(code, 'no'), headers);
}

function session(script: readonly (Answer | ClientError)[], options: Partial<SessionOptions> = {}) {
  const wire = scripted(script);
  return { ...wire, session: new Session(wire.world, { addresses, serviceCertificate: '', ...options }) };
}

describe('what may be sent again', () => {
  const get = { method: 'GET' };
  const post = { method: 'POST' };
  const keyed = { method: 'POST', idempotencyKey: 'k' };
  const retryAfter = { 'retry-after': '1' };
  const table: [string, Repeatable, Answer | ClientError, boolean][] = [
    ['a read that did not arrive', get, failed('Unreachable'), true],
    ['a read that was interrupted', get, failed('Interrupted'), true],
    ['a write that did not arrive', post, failed('Unreachable'), true],
    ['a write that was interrupted', post, failed('Interrupted'), false],
    ['an interrupted write with an idempotency key', keyed, failed('Interrupted'), true],
    ['a write that met too many conflicts', post, refused(503, 'TransactionCommitAttemptsExceedLimit'), true],
    ['a write to a busy service', post, refused(503, 'TooManyPendingTransactions'), true],
    ['a write while no primary is known', post, refused(503, 'PrimaryNotFound'), true],
    ['a write that failed for reasons unknown', post, refused(503, 'InternalError', retryAfter), false],
    ['a read that failed with a time to come back', get, refused(503, 'InternalError', retryAfter), true],
    ['a read that failed without one', get, refused(503, 'InternalError'), false],
    ['a read in a session of an older view', get, refused(500, 'SessionConsistencyLost'), true],
    ['a write in a session of an older view', post, refused(500, 'SessionConsistencyLost'), false],
    ['a read that was refused', get, refused(404, 'ResourceNotFound'), false],
    ['a write that was done', post, answered(200, true), false],
  ];
  for (const [name, request, what, again] of table) {
    test(`${name}: ${again ? 'yes' : 'no'}`, () => {
      const attempt = what instanceof ClientError ? failedAttempt(what) : answeredAttempt(what);
      assert.equal(retryDelay(request, attempt, 1) !== null, again);
      assert.equal(retryDelay(request, attempt, leaderlessAttemptsMax), null);
    });
  }

  test('while a primary is elected, for longer than while a service is busy', () => {
    const electing = answeredAttempt(refused(503, 'PrimaryNotFound'));
    const busy = answeredAttempt(refused(503, 'TooManyPendingTransactions'));
    assert.equal(retryDelay(post, busy, attemptsMax), null);
    assert.equal(retryDelay(post, electing, leaderlessAttemptsMax - 1), leaderlessDelayMs);
    assert.ok(leaderlessAttemptsMax * leaderlessDelayMs > 10_000, 'twice the election timeout of CCF');
  });
});

function failedAttempt(error: ClientError) {
  return { kind: 'failed', error } as const;
}
function answeredAttempt(answer: Answer) {
  return { kind: 'answered', answer } as const;
}

test('a request that cannot be placed at one node goes to the next', async () => {
  const { seen, session: it } = session([failed('Unreachable'), answered(200, true)]);
  assert.equal((await it.request(read)).status, 200);
  assert.deepEqual(
    seen.map(({ url }) => url),
    addresses.map((address) => `${address}/app/log?id=1`),
  );
});

test('an interrupted write is not repeated, and says so', async () => {
  const { seen, session: it } = session([failed('Interrupted')]);
  await assert.rejects(it.request(write), { code: 'Interrupted' });
  assert.equal(seen.length, 1);
});

test('tries are bounded', async () => {
  const { seen, session: it } = session(new Array(20).fill(failed('Unreachable')));
  await assert.rejects(it.request(read), { code: 'Unreachable' });
  assert.equal(seen.length, attemptsMax);
});

test('a redirected write goes to the primary with its body, and the primary is remembered', async () => {
  const location = 'https://10.0.0.3:8000/app/log';
  const script = [
    answered(307, undefined, { location }),
    answered(200, true),
    answered(200, true),
    answered(200, 1),
  ];
  const { seen, session: it } = session(script);
  await it.request(write);
  await it.request(write);
  await it.request(read);
  assert.deepEqual(
    seen.map(({ url }) => new URL(url).host),
    ['10.0.0.1:8000', '10.0.0.3:8000', '10.0.0.3:8000', '10.0.0.1:8000'],
  );
  assert.deepEqual(new TextDecoder().decode(seen[1]?.body), '{"id":1}');
});

test('a redirect out of TLS is not followed', async () => {
  const { session: it } = session([answered(307, undefined, { location: 'http://10.0.0.3/app/log' })]);
  await assert.rejects(it.request(write), { code: 'UnexpectedAnswer' });
});

test('redirects in a circle end', async () => {
  const around = answered(308, undefined, { location: '/app/log' });
  const { seen, session: it } = session(new Array(20).fill(around));
  await assert.rejects(it.request(write), { code: 'TooManyRedirects' });
  assert.equal(seen.length, redirectsMax + 1);
});

test('a token is fetched for each request', async () => {
  let count = 0;
  const credentials = { kind: 'jwt', token: async () => `t${++count}` } as const;
  const { seen, session: it } = session([answered(200), answered(200)], { credentials });
  await it.request(read);
  await it.request(read);
  assert.deepEqual(
    seen.map(({ headers }) => headers.authorization),
    ['Bearer t1', 'Bearer t2'],
  );
});

for (const address of ['http://10.0.0.1', 'https://10.0.0.1/app', 'https://user@10.0.0.1', '']) {
  test(`${address || 'nothing'} is no address of a node`, () => {
    assert.throws(() => session([], { addresses: [address] }), { code: 'InvalidArgument' });
  });
}

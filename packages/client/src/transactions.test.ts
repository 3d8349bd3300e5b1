import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorBody } from '@coco/api';
import type { Answer } from './answer.ts';
import { historical } from './historical.ts';
import { list } from './lists.ts';
import { parseName } from './names.ts';
import { Session } from './session.ts';
import { answered, scripted } from './testing/scripted.ts';
import { checkMemory, lastCommitted, submit } from './transactions.ts';

const write = { method: 'POST', path: '/app/log', json: { id: 1 } };

function session(script: readonly Answer[], remembered?: string, leaf?: string) {
  const wire = scripted(script);
  const memory = {
    load: () => (remembered === undefined ? undefined : { transactionId: remembered, ...(leaf && { leaf }) }),
    save: () => undefined,
  };
  const options = { addresses: ['https://10.0.0.1:8000'], serviceCertificate: '', memory };
  return { ...wire, session: new Session(wire.world, options) };
}

function written(headers: Record<string, string> = {}): Answer {
  return answered(200, true, { 'x-ms-ccf-transaction-id': '2.35', ...headers });
}

function status(text: string): Answer {
  return answered(200, { transaction_id: '2.35', status: text });
}

test('a service that waits answers in one round trip', async () => {
  const applied = { 'preference-applied': 'wait', 'coco-transaction-status': 'Committed' };
  const { seen, session: it } = session([written(applied)]);
  const result = await submit(it, write, { waitMs: 5000 });
  assert.equal(result.outcome, 'Committed');
  assert.equal(seen[0]?.headers.prefer, 'wait=5');
  assert.deepEqual(it.memory.highest?.txId, { view: 2, seqno: 35 });
});

test('a service that does not wait is asked until the transaction is final', async () => {
  const { seen, session: it } = session([
    written(),
    status('Unknown'),
    status('Pending'),
    status('Committed'),
  ]);
  const result = await submit(it, write);
  assert.equal(result.outcome, 'Committed');
  assert.match(seen[3]?.url ?? '', /\/app\/tx\?transaction_id=2\.35$/);
});

test('a transaction dropped by an election is invalid, and that is an outcome', async () => {
  const { session: it } = session([written(), status('Pending'), status('Invalid')]);
  assert.equal((await submit(it, write)).outcome, 'Invalid');
});

test('waiting ends at its time', async () => {
  const { slept, session: it } = session([written(), ...new Array(200).fill(status('Pending'))]);
  assert.equal((await submit(it, write, { waitMs: 3000 })).outcome, 'Pending');
  assert.equal(Math.round(slept.reduce((sum, ms) => sum + ms, 0)), 3000);
});

test('a write of a service that hides ids is known by its reference', async () => {
  const reference = 'rk0U0JxuicAwGG4Ec_e8anw';
  const hidden = answered(201, true, { 'coco-transaction-reference': reference });
  const committed = answered(200, { transaction_id: reference, status: 'Committed' });
  const { seen, session: it } = session([hidden, committed]);
  const result = await submit(it, write);
  assert.ok(result.outcome === 'Committed');
  assert.deepEqual([result.transaction, result.transactionId], [reference, undefined]);
  assert.equal(seen[1]?.url, `https://10.0.0.1:8000/app/tx?transaction_id=${reference}`);
});

test('a commit that is told is believed, though nothing is named', async () => {
  const { session: it } = session([answered(201, true, { 'coco-transaction-status': 'Committed' })]);
  const result = await submit(it, write);
  assert.ok(result.outcome === 'Committed');
  assert.equal(result.transaction, undefined);
});

for (const [given, name] of [
  ['2.35', { view: 2, seqno: 35 }],
  ['rk0U0JxuicAwGG4Ec_e8anw', 'rk0U0JxuicAwGG4Ec_e8anw'],
] as const) {
  test(`${given} names a transaction`, () => assert.deepEqual(parseName(given), name));
}

for (const given of ['', '2', '2.x', 'rk0U0', 'Rk0U0JxuicAwGG4Ec_e8anw', 'rk0U0JxuicAwGG4Ec_e8a/w']) {
  test(`"${given}" names no transaction`, () =>
    assert.throws(() => parseName(given), { code: 'InvalidArgument' }));
}

test('a refusal is an outcome, with its answer', async () => {
  const { session: it } = session([answered(403, errorBody('AuthorizationFailed', 'no'))]);
  const result = await submit(it, write);
  assert.deepEqual([result.outcome, result.answer.status], ['Refused', 403]);
});

test('a write that touched nothing has no transaction to wait for', async () => {
  const { session: it } = session([answered(200, true)]);
  assert.equal((await submit(it, write)).outcome, 'Unrecorded');
});

test('a service that lost what it had committed is refused', async () => {
  const lost = session([status('Invalid')], '2.35');
  await assert.rejects(checkMemory(lost.session), { code: 'WentBack' });
  const older = session([answered(200, { transaction_id: '1.90' })], '2.35');
  await assert.rejects(lastCommitted(older.session), { code: 'WentBack' });
  const silent = session(new Array(200).fill(status('Unknown')), '2.35');
  await assert.rejects(checkMemory(silent.session, { waitMs: 1000 }), { code: 'TimedOut' });
});

test('a service that confirms what was remembered is accepted', async () => {
  await checkMemory(session([status('Committed')], '2.35').session);
});

test('what another caller on this machine saw committed need not be shown to this one', async () => {
  const hidden = answered(404, errorBody('TransactionPendingOrUnknown', 'Transaction 2.35 is Unknown'));
  await checkMemory(session([status('Committed'), hidden], '2.35', 'ab').session);
  await assert.rejects(checkMemory(session([status('Invalid')], '2.35', 'ab').session), { code: 'WentBack' });
  const broken = answered(500, errorBody('InternalError', 'no'));
  await assert.rejects(checkMemory(session([status('Committed'), broken], '2.35', 'ab').session), {
    code: 'Refused',
  });
});

test('a historical read waits while the state is fetched', async () => {
  const fetching = answered(202, undefined, { 'retry-after': '3' });
  const { seen, slept, session: it } = session([fetching, fetching, answered(200, { msg: 'hello' })]);
  const answer = await historical(it, '/app/log/historical?id=1', { view: 2, seqno: 20 });
  assert.equal(answer.status, 200);
  assert.equal(seen[0]?.headers['x-ms-ccf-transaction-id'], '2.20');
  assert.ok(slept.every((ms) => ms <= 3000));
});

test('a list is read page after page', async () => {
  const pages = [
    answered(200, { value: [1, 2], nextLink: '/app/items?after=2' }),
    answered(200, { value: [3] }),
  ];
  const { seen, session: it } = session(pages);
  const items: number[] = [];
  for await (const item of list<number>(it, '/app/items')) items.push(item);
  assert.deepEqual(items, [1, 2, 3]);
  assert.equal(seen[1]?.url, 'https://10.0.0.1:8000/app/items?after=2');
});

test('a list does not lead out of the service', async () => {
  const { session: it } = session([answered(200, { value: [], nextLink: 'https://elsewhere/' })]);
  await assert.rejects(list(it, '/app/items').next(), { code: 'UnexpectedAnswer' });
  const other = session([answered(200, { value: [], nextLink: '//elsewhere/' })]);
  await assert.rejects(list(other.session, '/app/items').next(), { code: 'UnexpectedAnswer' });
});

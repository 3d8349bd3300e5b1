// One service, end to end: real daemon, real governance, real contract.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { header } from '@coco/api';
import {
  awaitCommit,
  fetchReceipt,
  keySigner,
  lastCommitted,
  propose,
  type Session,
  submit,
} from '@coco/client';
import { Auditor, loadSnapshot, parseSnapshotName, parseTxId } from '@coco/ledger';
import { listChunks, readEntries } from '../../apps/cli/src/ledger/folder.ts';
import { measuredBundle, type Service, startService } from '../workloads/service.ts';

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('a service', () => {
  let service: Service;
  let user: Session;

  before(async () => {
    service = await startService({ bundle: await bundle() });
    user = service.session(0);
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
  });

  const post = (id: number, msg: string, headers: Record<string, string> = {}) =>
    user.request({ method: 'POST', path: '/app/log/private', json: { id, msg }, headers });

  test('a write that waits is answered when committed, with a receipt that verifies offline', async () => {
    const done = await submit(
      user,
      { method: 'POST', path: '/app/log/private', json: { id: 1, msg: 'one' } },
      { receipt: true },
    );
    assert.equal(done.outcome, 'Committed');
    assert.equal(done.answer.headers[header.transactionStatus], 'Committed');
    assert.ok(done.outcome === 'Committed' && done.receipt?.proves.kind === 'transaction');
  });

  test('a write that does not wait is pending or committed, and committed in the end', async () => {
    const answer = await post(2, 'two');
    const txId = parseTxId(answer.headers[header.transactionId] ?? '');
    assert.equal(await awaitCommit(user, txId), 'Committed');
    const { proves } = await fetchReceipt(user, txId);
    assert.equal(proves.kind, 'transaction');
  });

  test('a claim is in the receipt of its transaction', async () => {
    const done = await submit(user, {
      method: 'POST',
      path: '/app/log/public',
      json: { id: 3, msg: 'claim', record_claim: true },
    });
    assert.ok(done.outcome === 'Committed' && done.transactionId);
    const { receipt } = await fetchReceipt(user, done.transactionId);
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('claim'));
    assert.equal(receipt.leaf_components?.claims_digest, Buffer.from(digest).toString('hex'));
  });

  test('writes in parallel each have a place of their own, and all are there', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => post(1000 + i, `parallel ${i}`)));
    const places = new Set(answers.map((answer) => answer.headers[header.transactionId]));
    assert.equal(places.size, 100);
    const read = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        user.request({ method: 'GET', path: `/app/log/private?id=${1000 + i}` }),
      ),
    );
    assert.deepEqual(
      read.map(({ body }) => (JSON.parse(decode(body)) as { msg: string }).msg),
      Array.from({ length: 100 }, (_, i) => `parallel ${i}`),
    );
  });

  const misbehaviour: [string, RegExp][] = [
    ['/app/bad/loop', /Operation took too long to complete/],
    ['/app/bad/heap', /Exception thrown while executing/],
    ['/app/bad/recursion', /Exception thrown while executing/],
    ['/app/bad/throw', /Exception thrown while executing/],
    ['/app/bad/never', /Exception thrown while executing|did not/],
  ];
  for (const [path, message] of misbehaviour) {
    test(`${path} fails alone: those beside it are answered, and nothing of it is told`, async () => {
      const [bad, ...good] = await Promise.all([
        user.request({ method: 'GET', path }),
        ...Array.from({ length: 5 }, (_, i) =>
          user.request({ method: 'GET', path: `/app/log/private?id=${1000 + i}` }),
        ),
      ]);
      assert.equal(bad?.status, 500);
      const { error } = JSON.parse(decode(bad?.body ?? new Uint8Array())) as {
        error: { code: string; message: string; details?: unknown };
      };
      assert.equal(error.code, 'InternalError');
      assert.match(error.message, message);
      assert.equal(error.details, undefined);
      assert.ok(good.every(({ status }) => status === 200));
    });
  }

  const hostile: [
    string,
    { path: string; method?: string; headers?: Record<string, string>; body?: Uint8Array },
    number,
    string,
  ][] = [
    [
      'a token with alg none',
      { path: '/app/log/private?id=1', headers: { authorization: `Bearer ${unsignedToken()}` } },
      401,
      'InvalidAuthenticationInfo',
    ],
    [
      'a body that is not JSON',
      {
        path: '/app/log/private',
        method: 'POST',
        body: new TextEncoder().encode('{'),
        headers: { 'content-type': 'application/json' },
      },
      500,
      'InternalError',
    ],
    [
      'a body over the limit',
      { path: '/app/log/private', method: 'POST', body: new Uint8Array(1_100_000) },
      413,
      'RequestBodyTooLarge',
    ],
    ['an unknown path', { path: '/app/nothing' }, 404, 'ResourceNotFound'],
    ['another method', { path: '/app/log/private', method: 'PUT' }, 405, 'UnsupportedHttpVerb'],
    [
      'an absurd transaction id',
      { path: '/app/tx?transaction_id=2.99999999999999999999' },
      400,
      'InvalidQueryParameterValue',
    ],
    ['an endless target', { path: `/app/log/private?id=${'9'.repeat(9000)}` }, 400, 'InvalidInput'],
  ];
  for (const [what, request, status, code] of hostile) {
    test(`${what} is refused with ${status} ${code}`, async () => {
      const anybody = what.includes('token') ? service.session() : user;
      const answer = await anybody.request({ method: 'GET', ...request });
      assert.equal(answer.status, status, decode(answer.body));
      assert.equal((JSON.parse(decode(answer.body)) as { error: { code: string } }).error.code, code);
    });
  }

  test('a snapshot that members ask for is written, and loads with the word of the service', async () => {
    const [member] = service.workspace.members;
    assert.ok(member);
    const signer = keySigner(readFileSync(member.cert, 'utf8'), readFileSync(member.key, 'utf8'));
    const before = (await lastCommitted(user)).seqno;
    const proposal = { actions: [{ name: 'trigger_snapshot', args: {} }] };
    assert.equal((await propose(service.session(), signer, proposal)).proposalState, 'Accepted');
    const folder = join(service.workspace.node, 'snapshots');
    const name = await eventually(() =>
      readdirSync(folder).find((file) => {
        const said = parseSnapshotName(file);
        return said?.committed === true && said.seqno > before;
      }),
    );
    const loaded = loadSnapshot(readFileSync(join(folder, name)), service.certificate);
    assert.ok([...loaded.rows('public:ccf.gov.constitution')].length === 1);
    assert.ok([...loaded.rows('public:records')].length > 0);
  });

  test('the ledger files pass the offline audit', async () => {
    await submit(user, { method: 'POST', path: '/app/log/private', json: { id: 9, msg: 'last' } });
    const folder = join(service.workspace.node, 'ledger');
    const auditor = new Auditor();
    const chunks = listChunks(folder);
    for (const item of readEntries(chunks)) {
      assert.ok(item.kind === 'entry' || item.kind === 'torn', JSON.stringify(item));
      if (item.kind === 'entry') auditor.feed(item.bytes, item);
    }
    const report = auditor.finish();
    assert.deepEqual(report.problems, []);
    assert.ok(chunks.length > 1 && report.signatures > 5);
  });
});

async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (let attempt = 0; attempt < 2_000; attempt++) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it did not come about');
}

function unsignedToken(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none', kid: 'k' })}.${part({ iss: 'x', exp: 9_999_999_999 })}.`;
}

/** The logging sample, and endpoints that misbehave. */
async function bundle() {
  const measured = await measuredBundle();
  const bad = (js_function: string) => ({
    get: {
      js_module: 'bad.js',
      js_function,
      forwarding_required: 'sometimes',
      redirection_strategy: 'none',
      authn_policies: ['no_auth'],
      mode: 'readonly',
      openapi: {},
    },
  });
  const names = ['loop', 'heap', 'recursion', 'throw', 'never'];
  const endpoints = Object.fromEntries(
    names.map((name) => [`/bad/${name}`, bad(name === 'throw' ? 'fails' : name)]),
  );
  const source = `
    export const loop = () => { for (;;); };
    export const heap = () => { const all = []; for (;;) all.push(new Array(10000).fill(all.length)); };
    export const recursion = () => 1 + recursion();
    export const fails = () => { throw new Error('secret detail'); };
    export const never = () => new Promise(() => {});`;
  return {
    metadata: { endpoints: { ...measured.metadata.endpoints, ...endpoints } },
    modules: [...measured.modules, { name: 'bad.js', module: source }],
  } as typeof measured;
}

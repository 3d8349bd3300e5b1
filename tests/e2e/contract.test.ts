// What authors declare, on a real node: indexes that follow commits, histories, signed bodies.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, keySigner, propose, type Session, submit } from '@coco/client';
import { type Bundle, buildBundle, installProposal } from '@coco/contract-build';
import { coseLabel, importPrivateKey, parseCertificate, signSign1 } from '@coco/crypto';
import { type Service, startService } from '../workloads/service.ts';

const root = join(import.meta.dirname, '../..');
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const bodyOf = <T>(answer: Answer): T => JSON.parse(new TextDecoder().decode(answer.body)) as T;

interface Strategy {
  readonly name: string;
  readonly seqno?: number;
  readonly places: number;
  readonly waits?: string;
}

describe('a contract on a service', () => {
  let service: Service;
  let user: Session;
  let bundle: Bundle;

  before(async () => {
    bundle = withSignedBody((await buildBundle(join(root, 'packages/sdk/src/testing/indexed'))).bundle);
    service = await startService({ bundle });
    user = service.session(0);
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
  });

  const put = async (id: string, tags: string[]): Promise<number> => {
    const note = { author: 'ann', stars: 1, tags };
    const done = await submit(user, { method: 'PUT', path: `/app/notes/${id}`, json: note });
    assert.ok(done.outcome === 'Committed' && done.transactionId);
    return done.transactionId.seqno;
  };
  const get = (path: string) => user.request({ method: 'GET', path });
  /** Comes again as long as it is told to. */
  const patiently = async <T>(path: string): Promise<T> => {
    let answer = await get(path);
    for (let attempt = 0; answer.status === 202 && attempt < 1000; attempt++) {
      await delay(5);
      answer = await get(path);
    }
    assert.equal(answer.status, 200, new TextDecoder().decode(answer.body));
    return bodyOf<T>(answer);
  };
  const strategies = async () => bodyOf<Strategy[]>(await get('/node/index/strategies'));
  const install = (next: Bundle) => govern(installProposal(next).actions[0]);
  const govern = async (action: object | undefined) => {
    const [member] = service.workspace.members;
    assert.ok(member);
    const signer = keySigner(readFileSync(member.cert, 'utf8'), readFileSync(member.key, 'utf8'));
    const proposal = { actions: [action] } as Parameters<typeof propose>[2];
    assert.equal((await propose(service.session(), signer, proposal)).proposalState, 'Accepted');
  };

  test('an index reaches a committed transaction and says so', async () => {
    const seqno = await put('one', ['a', 'b']);
    await patiently(`/app/reached/${seqno}`);
    const found = await patiently<{ keys: string[]; seqno: number }>('/app/tags/b');
    assert.deepEqual(found.keys, ['one']);
    assert.ok(found.seqno >= seqno);
    const [byTag] = (await strategies()).filter(({ name }) => name === 'by_tag');
    assert.ok((byTag?.seqno ?? 0) >= seqno && byTag?.places === 2);
  });

  test('the history of a key is read back from the ledger, with receipts', async () => {
    const first = await put('two', ['x']);
    const second = await put('two', ['y']);
    await patiently(`/app/reached/${second}`);
    type Past = { rows: { seqno: number; value: { tags: string[] }; receipt: object }[] };
    const { rows } = await patiently<Past>('/app/history/two');
    assert.deepEqual(
      rows.map(({ seqno, value }) => [seqno, value.tags]),
      [
        [first, ['x']],
        [second, ['y']],
      ],
    );
    assert.ok(rows.every(({ receipt }) => 'leaf_components' in receipt));
  });

  test('a changed declaration is built anew, in the background, from what is there', async () => {
    const { indexes = {} } = bundle.metadata;
    const { by_tag: byTag, ...others } = indexes;
    assert.ok(byTag);
    await install({ ...bundle, metadata: { ...bundle.metadata, indexes: others } });
    assert.deepEqual((await strategies()).map(({ name }) => name).sort(), Object.keys(others).sort());
    assert.equal((await get('/app/tags/b')).status, 500);
    await install(bundle);
    assert.deepEqual((await patiently<{ keys: string[] }>('/app/tags/b')).keys, ['one']);
  });

  test('a node that joins builds the same indexes for itself, and follows', async () => {
    const joiner = await service.network.join(1);
    await service.network.admit(joiner);
    const seqno = await put('three', ['joined']);
    const here = async <T>(path: string) => bodyOf<T>(await joiner.session.request({ method: 'GET', path }));
    await becomes(
      () => here<Strategy[]>('/node/index/strategies'),
      (all) => all.length === 3 && all.every((one) => one.waits !== undefined || (one.seqno ?? 0) >= seqno),
    );
    assert.deepEqual((await here<{ keys: string[] }>('/app/tags/joined')).keys, ['three']);
    assert.deepEqual((await here<{ keys: string[] }>('/app/tags/b')).keys, ['one']);
    await service.network.retire(joiner);
  });

  test('what a contract prints, and why it fails, is told to those whom members allow and to nobody else', async () => {
    const log = () => get('/node/contract/log');
    const fail = () => user.request({ method: 'POST', path: '/app/fail' });
    const told = await fail();
    assert.doesNotMatch(new TextDecoder().decode(told.body), /as planned/);
    assert.equal((await log()).status, 403);
    await govern({ name: 'set_contract_log', args: { readers: ['member_cert'] } });
    assert.equal((await log()).status, 401);
    await govern({ name: 'set_contract_log', args: { readers: ['user_cert'] } });
    await fail();
    interface Logged {
      readonly calls: readonly {
        readonly path: string;
        readonly status: number;
        readonly printed: readonly object[];
        readonly failure?: { readonly reason: string; readonly trace?: string };
      }[];
    }
    const call = bodyOf<Logged>(await log()).calls.at(-1);
    assert.deepEqual([call?.path, call?.status], ['/app/fail', 500]);
    assert.deepEqual(call?.printed, [{ level: 'info', text: 'about to fail' }]);
    assert.equal(call?.failure?.reason, 'Error: as planned');
    const source = readFileSync(join(root, 'packages/sdk/src/testing/indexed/src/app.ts'), 'utf8');
    const line = source.split('\n').findIndex((text) => text.includes('as planned')) + 1;
    assert.match(call?.failure?.trace ?? '', new RegExp(`src/app\\.ts:${line}:`));
    const out = readFileSync(join(service.workspace.node, 'out'), 'utf8');
    assert.doesNotMatch(out, /about to fail|as planned/);
  });

  test('the time that a transaction saw is recorded with it', async () => {
    const done = await submit(user, { method: 'PUT', path: '/app/stamps/a', json: {} });
    assert.ok(done.outcome === 'Committed');
    const headers = { 'x-ms-ccf-transaction-id': done.transaction ?? '' };
    const look = () => user.request({ method: 'GET', path: '/app/stamps/a', headers });
    await becomes(look, ({ status }) => status === 200);
    const { written, recorded } = bodyOf<{ written: number; recorded: number }>(await look());
    assert.equal(recorded, written);
    assert.ok(Math.abs(recorded - Date.now()) < 60_000);
  });

  test('the body that a user signed reaches the contract as an ArrayBuffer', async () => {
    const [person] = service.workspace.users;
    assert.ok(person);
    const certificate = parseCertificate(readFileSync(person.cert, 'utf8'));
    const key = importPrivateKey(readFileSync(person.key, 'utf8'));
    const headers = new Map([[coseLabel.kid, utf8(certificate.id)]]);
    const body = signSign1({ protected: headers, payload: utf8('signed words') }, key);
    const answer = await service.session().request({
      method: 'POST',
      path: '/app/signed',
      headers: { 'content-type': 'application/cose' },
      body,
    });
    assert.equal(answer.status, 200, new TextDecoder().decode(answer.body));
    assert.deepEqual(bodyOf(answer), { isBuffer: true, text: 'signed words', id: certificate.id });
  });
});

/** Asks until the answer is the one expected; says what it was when it never is. */
async function becomes<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<void> {
  const until = Date.now() + 20_000;
  let last = await ask();
  for (; !fits(last) && Date.now() < until; last = await ask()) await delay(10);
  assert.ok(fits(last), JSON.stringify(last));
}

/** With a hand-written endpoint in CCF's shape beside the declared ones. */
function withSignedBody(bundle: Bundle): Bundle {
  const module = `export function signed({ caller }) {
    const { content } = caller.cose;
    return { body: { isBuffer: content instanceof ArrayBuffer, text: ccf.bufToStr(content), id: caller.id } };
  }`;
  const endpoint = {
    js_module: 'signed.js',
    js_function: 'signed',
    forwarding_required: 'always',
    redirection_strategy: 'to_primary',
    authn_policies: ['user_cose_sign1'],
    mode: 'readwrite',
    openapi: {},
  };
  return {
    metadata: {
      ...bundle.metadata,
      endpoints: { ...bundle.metadata.endpoints, '/signed': { post: endpoint } },
    },
    modules: [...bundle.modules, { name: 'signed.js', module }],
  };
}

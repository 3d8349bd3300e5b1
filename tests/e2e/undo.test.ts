// Members take back what a contract did wrong: real daemon, real votes, real ledger files.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { header, parseErrorBody } from '@coco/api';
import {
  type ClientError,
  fetchReceipt,
  fetchStanding,
  idOf,
  keySigner,
  plainBallot,
  previewUndo,
  propose,
  type Session,
  type Signer,
  submit,
  undoProposal,
  vote,
} from '@coco/client';
import { Auditor, formatTxId, parseTxId, verifyStanding } from '@coco/ledger';
import type { Bundle } from '../../apps/cli/src/contract/bundle.ts';
import { graphLines } from '../../apps/cli/src/governance/undo-text.ts';
import { listChunks, readEntries } from '../../apps/cli/src/ledger/folder.ts';
import { replayGovernance } from '../../apps/cli/src/ledger/governance-replay.ts';
import { type Service, startService } from '../workloads/service.ts';

const constitution = fileURLToPath(new URL('../../samples/constitutions/default', import.meta.url));

describe('undo by vote', () => {
  let service: Service;
  let members: Signer[];
  let user: Session;

  before(async () => {
    service = await startService({ bundle: shop(), members: 3, constitution: [constitution] });
    members = service.workspace.members.map(({ cert, key }) =>
      keySigner(readFileSync(cert, 'utf8'), readFileSync(key, 'utf8')),
    );
    user = service.session(0);
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
  });

  const write = async (path: string, json: unknown): Promise<string> => {
    const done = await submit(user, { method: 'POST', path: `/app/${path}`, json });
    assert.ok(done.outcome === 'Committed' && done.transaction, JSON.stringify(done));
    return done.transaction;
  };
  const read = async (path: string): Promise<unknown> => {
    const answer = await user.request({ method: 'GET', path: `/app/${path}` });
    assert.equal(answer.status, 200);
    return JSON.parse(new TextDecoder().decode(answer.body));
  };
  const decide = async (proposal: Parameters<typeof propose>[2]): Promise<string> => {
    const [proposer] = members as [Signer];
    let { proposalId, proposalState } = await propose(service.session(), proposer, proposal);
    for (const signer of members) {
      if (proposalState !== 'Open') break;
      ({ proposalState } = await vote(service.session(), signer, proposalId, plainBallot(true)));
    }
    return proposalState;
  };
  const undo = async (
    transactions: string[],
    policy: 'restore' | 'cascade' | 'compensate',
    more: object = {},
  ) => {
    const asked = { transactions, policy, ...more };
    const told = await previewUndo(service.session(), members[0] as Signer, asked);
    assert.equal(await decide(undoProposal(asked, told, 'a wrong price')), 'Accepted');
    return told;
  };
  const userId = (): string => idOf(readFileSync(service.workspace.users[0]?.cert ?? '', 'utf8'));
  const standing = async (id: string) => (await fetchStanding(user, parseTxId(id))).proves;

  test('takes along what hangs on a mistake, and proves it; receipts stay what they were', async () => {
    await write('price', { item: 'tea', price: 3 });
    const mistake = await write('price', { item: 'tea', price: 300 });
    const order = await write('order', { id: 1, item: 'tea' });
    const other = await write('order', { id: 2, item: 'milk' });
    assert.deepEqual(await read('state'), { prices: { tea: 300 }, orders: { 1: 300, 2: 0 } });

    const told = await undo([mistake], 'cascade');
    assert.deepEqual(told.undone, [mistake, order]);
    assert.deepEqual(graphLines(told), [mistake, `└─ ${order}  read 1 key`]);
    assert.deepEqual(
      told.changes.map(({ from, key, map, to }) => [map, key?.text, from?.text, to?.text]),
      [
        ['public:prices', 'tea', '300', '3'],
        [undefined, undefined, undefined, undefined],
      ],
    );
    assert.deepEqual(await read('state'), { prices: { tea: 3 }, orders: { 2: 0 } });

    const undone = await standing(mistake);
    assert.equal(undone.standing, 'undone');
    assert.ok(undone.by && undone.asOf.seqno > undone.by.seqno);
    assert.equal((await standing(other)).standing, 'in-force');
    assert.equal((await fetchReceipt(user, parseTxId(mistake))).proves.kind, 'transaction');
    const { proof } = await fetchStanding(user, parseTxId(order));
    assert.equal(verifyStanding(proof, service.certificate).standing, 'undone');

    await undo([formatTxId(undone.by)], 'restore');
    assert.deepEqual(await read('state'), { prices: { tea: 300 }, orders: { 1: 300, 2: 0 } });
    assert.equal((await standing(mistake)).standing, 'in-force');
  });

  test('by the contract’s own function makes up for what cannot be taken back', async () => {
    const order = await write('order', { id: 3, item: 'tea' });
    const told = await undo([order], 'compensate', { module: 'shop.js', function: 'credit' });
    assert.deepEqual(
      told.changes.map(({ key, to }) => [key?.text, to?.text]),
      [['credit 3', '300']],
    );
    assert.equal((await standing(order)).standing, 'undone');
  });

  test('fails whole when the state has moved between the preview and the last ballot', async () => {
    const price = await write('price', { item: 'salt', price: 5 });
    const asked = { transactions: [price], policy: 'cascade' } as const;
    const told = await previewUndo(service.session(), members[0] as Signer, asked);
    const { proposalId } = await propose(service.session(), members[0] as Signer, undoProposal(asked, told));
    await vote(service.session(), members[0] as Signer, proposalId, plainBallot(true));
    await write('order', { id: 4, item: 'salt' });
    const last = vote(service.session(), members[1] as Signer, proposalId, plainBallot(true));
    await assert.rejects(last, (error: ClientError) => {
      assert.equal(error.refusal?.code, 'UndoRefused');
      assert.match(error.message, /not the one that was previewed.* 1 transaction touched it/);
      return !/Trace|Error:/.test(error.message);
    });
    assert.equal((await standing(price)).standing, 'in-force');
  });

  test('shows what is private to those who may see it; the others see that something of theirs changes', async () => {
    const [own, other] = members as [Signer, Signer];
    const acme = (user_id: string) => ({ name: 'set_access_user', args: { user_id, party: 'acme' } });
    const actions = [
      { name: 'set_party', args: { party: 'acme' } },
      acme(userId()),
      acme(idOf(own.certificate)),
    ];
    assert.equal(await decide({ actions }), 'Accepted');
    const deal = await write('deal', { id: 'secret deal', price: 777 });
    const asked = { transactions: [deal], policy: 'restore' } as const;
    const seen = await previewUndo(service.session(), own, asked);
    const hidden = await previewUndo(service.session(), other, asked);
    assert.deepEqual(
      seen.changes.map(({ from, key, map, to }) => [map, key?.text, from?.text, to]),
      [['audience:deals', 'secret deal', '777', null]],
    );
    const [change] = hidden.changes;
    assert.deepEqual(Object.keys(change ?? {}).sort(), ['audience', 'digest']);
    assert.equal(change?.audience, seen.changes[0]?.audience);
    assert.doesNotMatch(JSON.stringify(hidden), /secret deal|777|deals/);
    assert.equal(hidden.plan, seen.plan);

    await undo([deal], 'restore');
    const listed = (await read('transactions')) as {
      value: { transaction_id: string; undone_by: string | null }[];
    };
    const by = listed.value.find((each) => each.transaction_id === deal)?.undone_by;
    assert.deepEqual((await standing(deal)).by, parseTxId(by ?? ''));
    assert.deepEqual(await read('deals'), {});
    await undo([by ?? ''], 'restore');
    assert.deepEqual(await read('deals'), { 'secret deal': 777 });
  });

  test('is for members alone', async () => {
    const path = '/gov/service/undo:preview?api-version=2024-07-01';
    const answer = await user.request({
      method: 'POST',
      path,
      json: { transactions: ['2.1'], policy: 'restore' },
    });
    assert.equal(answer.status, 401);
  });

  test('a paused endpoint refuses writes and says why, reads go on, and the others write', async () => {
    const pause = { name: 'pause_app', args: { endpoints: ['POST /order'], reason: 'prices are checked' } };
    assert.equal(await decide({ actions: [pause] }), 'Accepted');
    const refused = await user.request({ method: 'POST', path: '/app/order', json: { id: 9, item: 'tea' } });
    assert.equal(refused.status, 503);
    const error = parseErrorBody(JSON.parse(new TextDecoder().decode(refused.body)))?.error;
    assert.equal(error?.code, 'EndpointPaused');
    assert.match(error?.message ?? '', /POST \/app\/order.*prices are checked/);
    assert.equal(refused.headers[header.transactionId], undefined);
    await read('state');
    const stranger = await service.session().request({ method: 'POST', path: '/app/order', json: {} });
    assert.equal(stranger.status, 401, 'what members say is for who may call');
    const priced = async (price: number) => {
      const answer = await user.request({
        method: 'POST',
        path: '/app/price',
        json: { item: 'milk', price },
      });
      return answer.status;
    };
    assert.equal(await priced(1), 204);
    assert.equal(await decide({ actions: [{ name: 'pause_app' }] }), 'Accepted');
    assert.equal(await priced(2), 503);
    const some = { name: 'resume_app', args: { endpoints: ['POST /price'] } };
    assert.equal(await decide({ actions: [some] }), 'Accepted');
    assert.equal(await priced(3), 204);
    assert.equal((await user.request({ method: 'POST', path: '/app/order', json: {} })).status, 503);
    assert.equal(await decide({ actions: [{ name: 'resume_app' }] }), 'Accepted');
    await write('order', { id: 10, item: 'milk' });
  });

  test('follows from what members signed, as the ledger files alone show', () => {
    const governance = replayGovernance();
    const auditor = new Auditor({ each: governance.each, trustedServiceCert: service.certificate });
    for (const item of readEntries(listChunks(join(service.workspace.node, 'ledger'))))
      if (item.kind === 'entry') auditor.feed(item.bytes);
    const { decisions, finding } = governance.finish();
    assert.deepEqual(auditor.finish().problems, []);
    assert.equal(finding, undefined);
    assert.ok(decisions > 15, `${decisions} decisions`);
  });
});

function shop(): Bundle {
  const endpoint = (js_function: string, mode = 'readwrite') => ({
    js_module: 'shop.js',
    js_function,
    forwarding_required: mode === 'readwrite' ? 'always' : 'sometimes',
    authn_policies: ['user_cert'],
    mode,
    openapi: {},
  });
  return {
    metadata: {
      endpoints: {
        '/price': { post: endpoint('setPrice') },
        '/order': { post: endpoint('placeOrder') },
        '/deal': { post: endpoint('deal') },
        '/deals': { get: endpoint('deals', 'readonly') },
        '/state': { get: endpoint('state', 'readonly') },
      },
      compensations: [{ js_module: 'shop.js', js_function: 'credit' }],
    },
    modules: [{ name: 'shop.js', module: shopSource }],
  } as unknown as Bundle;
}

const shopSource = `
const bytes = (text) => ccf.strToBuf(String(text));
const prices = () => ccf.kv['public:prices'];
const orders = () => ccf.kv['orders'];
export function setPrice(request) {
  const { item, price } = request.body.json();
  prices().set(bytes(item), bytes(price));
  return { statusCode: 204 };
}
export function placeOrder(request) {
  const { id, item } = request.body.json();
  const price = prices().get(bytes(item));
  orders().set(bytes(id), price === undefined ? bytes(0) : price);
  return { statusCode: 204 };
}
const all = (map) => {
  const rows = {};
  map.forEach((value, key) => { rows[ccf.bufToStr(key)] = Number(ccf.bufToStr(value)); });
  return rows;
};
export function state() {
  return { body: { prices: all(prices()), orders: all(orders()) } };
}
export function deal(request) {
  const { id, price } = request.body.json();
  ccf.access.setAudience(['acme']);
  ccf.kv['audience:deals'].set(bytes(id), bytes(price));
  return { statusCode: 204 };
}
export function deals() {
  return { body: all(ccf.kv['audience:deals']) };
}
export function credit(request) {
  for (const { writes } of request.body.json().transactions) {
    for (const { key, value } of writes) ccf.kv['public:credits'].set(bytes('credit ' + text(key)), bytes(text(value)));
  }
  return { statusCode: 204 };
}
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
function text(base64) {
  let bits = 0, count = 0, out = '';
  for (const letter of base64.replaceAll('=', '')) {
    bits = (bits << 6) | letters.indexOf(letter);
    count += 6;
    if (count >= 8) { count -= 8; out += String.fromCharCode((bits >> count) & 255); }
  }
  return out;
}
`;

// Audiences at home with their parties: three nodes of three companies, of which two deal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../limits.ts';
import { type Company, Consortium } from '../testing/companies.ts';
import type { Machine } from '../testing/machine.ts';
import { decodeWire } from '../wire.ts';

const secret = 'two hundred sacks of rye at 41.70';
const both = ['mill', 'baker'] as const;

/** Fails when any of it stands in a text as bytes, sealed or not. */
function assertHoldsNothing(held: string, parcels: ReadonlyMap<string, Uint8Array>): void {
  assert.ok(!held.includes(secret), 'the plain text');
  assert.ok(!held.includes('order-77'), 'the key');
  for (const [path, bytes] of parcels) {
    const sealed = Buffer.from(bytes).toString('latin1');
    for (let at = 0; at + 16 <= sealed.length; at += 16)
      assert.ok(!held.includes(sealed.slice(at, at + 16)), `the ciphertext of ${path}`);
  }
}

const listed = (reply: { json: unknown }) =>
  (reply.json as { value: { reference: string; audiences: { id: string; home?: string }[] }[] }).value;
const pathsOf = (machine: Machine) => [...machine.parcels.keys()].sort();

describe('what only the parties keep', () => {
  test('is on their nodes and on no other, and the parties read it wherever they ask', () => {
    const market = new Consortium({ snapshotEvery: 20 });
    const { bank, mill, baker } = market.nodes;
    const placed = market.place('mill', mill, 'order-77', both, secret);
    for (const node of [mill, baker])
      assert.equal(node.parcels.size, 3, 'the row, the claims, and their key');
    assert.deepEqual(pathsOf(mill), pathsOf(baker));
    const headers = { 'x-ms-ccf-transaction-id': placed.headers['x-ms-ccf-transaction-id'] ?? '' };
    for (const node of [bank, mill, baker]) {
      for (const company of both) {
        const ask = (target: string, more = {}) => market.ask(company, node, 'GET', target, more);
        const where = `${company} at ${node.name}`;
        assert.equal(market.read(company, node, 'order-77'), secret, where);
        assert.deepEqual(ask('/app/deals').json, [['order-77', secret]], where);
        assert.deepEqual(ask('/app/past', { headers }).json, [['order-77', secret]], where);
        assert.equal(ask('/app/swallow').text, '1', `${where}: though the code catches every error`);
        const [item, ...others] = listed(ask('/app/transactions?map=audience:deals&key=order-77'));
        assert.ok(item && others.length === 0, where);
        assert.deepEqual(
          item.audiences.map(({ home }) => home),
          ['parties'],
        );
        const path = `/app/transactions/${item.reference}`;
        assert.match(ask(`${path}/writes`).text, new RegExp(secret), where);
        const { disclosures } = ask(`${path}/claims`).json as { disclosures: string[] };
        assert.ok(disclosures.some((each) => Buffer.from(each, 'base64url').includes(secret)));
      }
      assert.equal(market.ask('bank', node, 'GET', '/app/deals/order-77').status, 404);
      assert.deepEqual(market.ask('bank', node, 'GET', '/app/deals').json, []);
    }
    market.cluster.pass(2_000);
    assert.ok(bank.snapshots.size > 0);
    assert.equal(bank.parcels.size, 0);
    assertHoldsNothing(market.atRest(bank), mill.parcels);
    assert.throws(() => assertHoldsNothing(market.atRest(mill), mill.parcels), /the ciphertext/);
    for (const [seqno, entry] of bank.ledger) assert.deepEqual(entry, mill.ledger.get(seqno), 'one ledger');
  });

  test('is stored by every party that can be reached before it is written, and by none: not written', () => {
    const market = new Consortium();
    const { cluster } = market;
    const { bank, mill, baker } = market.nodes;
    const put = (id: string) =>
      market.ask('mill', bank, 'PUT', `/app/deals/${id}`, { body: { parties: both, text: secret } });
    cluster.isolate(bank, baker);
    assert.equal(put('1').status, 200);
    assert.equal(mill.parcels.size, 3);
    assert.equal(baker.parcels.size, 0);
    cluster.heal();
    cluster.passUntil('the baker has what it missed', () => baker.parcels.size === 3);
    assert.deepEqual(pathsOf(baker), pathsOf(mill));

    mill.keepsNothing = true;
    baker.keepsNothing = true;
    const last = bank.ledger.size;
    const refused = put('2');
    assert.equal(refused.status, 503);
    assert.match(refused.text, /PartiesAway/);
    cluster.pass(500);
    for (let seqno = last + 1; seqno <= bank.ledger.size; seqno++)
      assert.ok((bank.ledger.get(seqno)?.length ?? 0) > 1_000, 'signatures, and nothing else');
    const alone = market.ask('mill', bank, 'PUT', '/app/deals/3', {
      body: { parties: ['role:auditor'], text: secret },
    });
    assert.match(alone.text, /PartiesAway/, 'readers of whom none is a party have no nodes');
  });

  test('a node that answers no deposit takes nothing from the calls of other companies', () => {
    const market = new Consortium();
    const { cluster } = market;
    const { bank, mill, baker } = market.nodes;
    const put = (company: Company, id: number) =>
      market.begin(company, bank, 'PUT', `/app/deals/${id}`, { body: { parties: [company], text: secret } });
    cluster.tamper = (message, from) =>
      from === mill && decodeWire(message).kind === 'deposited' ? new Uint8Array([0xff]) : message;
    const replies = Array.from({ length: limits.parcelDepositsMax + 1 }, (_, i) => put('mill', i));
    cluster.pass(500);
    const own = put('baker', 1);
    cluster.pass(500);
    assert.equal(own()?.status, 200, `${own()?.text}`);
    assert.equal(market.read('baker', baker, '1'), secret);
    const early = replies.filter((reply) => reply() !== undefined);
    assert.equal(
      early.length,
      replies.length - limits.parcelDepositsPerNodeMax,
      'at once, where too many wait',
    );
    cluster.pass(limits.parcelPatienceMs);
    for (const reply of replies) assert.match(reply()?.text ?? '', /PartiesAway/);

    cluster.tamper = (message) => message;
    assert.equal(market.place('mill', bank, '1', ['mill'], secret).status, 200, 'it answers again');
  });

  test('calls that found one audience at the same time, or write one row, all come about', () => {
    const market = new Consortium();
    const { bank, mill, baker } = market.nodes;
    const founders = Array.from({ length: 5 }, (_, i) =>
      market.begin('mill', bank, 'PUT', `/app/deals/${i}`, { body: { parties: both, text: `${i}` } }),
    );
    market.cluster.passUntil('all are placed', () => founders.every((reply) => reply()?.status === 200));
    const amendments = Array.from({ length: 5 }, (_, i) =>
      market.begin('baker', bank, 'POST', '/app/deals/3', { body: `+${i}` }),
    );
    market.cluster.passUntil('all are amended', () => amendments.every((reply) => reply()?.status === 200));
    assert.equal([...market.read('mill', baker, '3')].sort().join(''), '+++++012334');
    market.cluster.pass(1_000);
    // One key, five rows and claims, five amendments: what conflicted was withdrawn.
    for (const node of [mill, baker]) assert.equal(node.parcels.size, 1 + 5 + 5 + 5);
  });
});

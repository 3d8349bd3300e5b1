// Audiences at home with their parties whose nodes lend to no other: three nodes of three companies.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../limits.ts';
import { type Company, Consortium, type ConsortiumOptions } from '../testing/companies.ts';
import type { Machine, Reply } from '../testing/machine.ts';
import { decodeWire, encodeWire } from '../wire.ts';

const both = ['mill', 'baker'] as const;
const rule = { home: 'parties', lend: false } as const;

/** Parcels that have come to a node from others. */
function parcelsTo(market: Consortium, node: Machine): string[] {
  const came: string[] = [];
  market.cluster.tamper = (message, _, to) => {
    const said = decodeWire(message);
    if (to === node && said.kind === 'parcels') came.push(...said.parcels.map(({ path }) => path));
    return message;
  };
  return came;
}

function assertWithheld(reply: Reply): void {
  assert.equal(reply.status, 503, reply.text);
  assert.match(reply.text, /PrimaryNotOfParties/);
}

/** A market whose primary, the bank's, has its office for so long that it may leave it. */
function open(options: ConsortiumOptions): Consortium {
  const market = new Consortium(options);
  market.cluster.pass(limits.officeMsMin);
  return market;
}

const put = (market: Consortium, company: Company, at: Machine, id: string, parties: readonly Company[]) =>
  market.ask(company, at, 'PUT', `/app/deals/${id}`, { body: { parties, text: `${id} of ${company}` } });

/** Asks until the right node leads. */
function insist(market: Consortium, asked: () => Reply): void {
  market.cluster.passUntil('one of theirs leads', () => asked().status === 200);
}

describe('what is lent to nobody', () => {
  for (const [how, options] of [
    ['by vote', { voted: rule }],
    ['by the bundle', { voted: {}, declared: rule }],
    ['by both in part', { voted: { home: 'parties' }, declared: { lend: false } }],
  ] as const)
    test(`${how}, runs only while a node of its parties leads, and is never on another`, () => {
      const market = open(options);
      const { cluster } = market;
      const { bank, mill, baker } = market.nodes;
      const came = parcelsTo(market, bank);
      const last = bank.ledger.size;
      assertWithheld(put(market, 'mill', mill, '1', both));
      assert.equal(mill.parcels.size + baker.parcels.size, 0);
      insist(market, () => put(market, 'mill', mill, '1', both));
      assert.ok(
        both.some((company) => cluster.primary === market.nodes[company]),
        'the bank has left its office',
      );
      assert.ok(bank.ledger.size > last);
      cluster.pass(500);
      for (const node of [bank, mill, baker]) assert.equal(market.read('baker', node, '1'), '1 of mill');

      const led = cluster.primary;
      assertWithheld(put(market, 'bank', bank, '2', ['bank']));
      assert.equal(cluster.primary, led, 'an office is had for a while');
      cluster.pass(limits.officeMsMin);
      insist(market, () => put(market, 'bank', bank, '2', ['bank']));
      assert.equal(cluster.primary, bank);
      for (const node of [mill, baker]) {
        assert.equal(market.read('mill', node, '1'), '1 of mill', 'reads go on at their own nodes');
        assert.equal(market.ask('bank', node, 'GET', '/app/deals/1').status, 404);
      }
      for (const target of ['/app/deals/1', '/app/deals', '/app/swallow'])
        assertWithheld(market.ask('mill', bank, 'GET', target));
      assertWithheld(market.ask('mill', mill, 'POST', '/app/deals/1', { body: ' more' }));
      assert.deepEqual(came, []);
      assert.deepEqual(
        [...bank.parcels.keys()].filter((path) => mill.parcels.has(path)),
        [],
      );
    });

  test('is refused by those who keep it, whatever a primary may ask', () => {
    const market = open({ voted: rule });
    const { cluster } = market;
    const { bank, mill } = market.nodes;
    insist(market, () => put(market, 'mill', mill, '1', both));
    cluster.pass(limits.officeMsMin);
    insist(market, () => put(market, 'bank', bank, '2', ['bank']));
    const came = parcelsTo(market, bank);
    const ask = () => {
      const wanted = { kind: 'parcels-wanted', id: 1, paths: [...mill.parcels.keys()] } as const;
      mill.inbox.push({ kind: 'received', from: bank.id, message: encodeWire(wanted) });
      cluster.settle();
    };
    ask();
    assert.deepEqual(came, []);

    const { value } = market.ask('mill', mill, 'GET', '/app/transactions').json as {
      value: { audiences: { id: string; lend?: boolean }[] }[];
    };
    const [audience] = value[0]?.audiences ?? [];
    assert.equal(audience?.lend, false);
    const lend = (allowed: boolean) =>
      cluster.propose(bank, { name: 'change_audience', args: { audience: audience?.id, lend: allowed } });
    lend(true);
    cluster.pass(500);
    assert.equal(market.read('mill', bank, '1'), '1 of mill', 'members may think better of it');
    assert.ok(came.length > 0);
    came.length = 0;
    lend(false);
    cluster.pass(500);
    ask();
    assertWithheld(market.ask('mill', bank, 'GET', '/app/deals/1'));
    assert.deepEqual(came, []);
  });
});

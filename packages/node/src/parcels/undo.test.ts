// Undoing what only the parties keep: three nodes of three companies, of which two deal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../limits.ts';
import { type Company, Consortium, type ConsortiumOptions } from '../testing/companies.ts';
import type { Machine } from '../testing/machine.ts';
import { previewAt } from '../testing/preview.ts';
import { txIdOf } from '../testing/service.ts';

const compensation = { policy: 'compensate', module: 'deals.js', function: 'credit' };
const base64 = (text: string) => Buffer.from(text).toString('base64');
/** What the compensation writes of the amendment. */
const credit = [base64('1'), base64('right or wrong'), base64('right'), 1].join(' ');

/** A deal of two companies, and the transaction that amended it. */
function amended(parties: readonly [Company, Company], options: ConsortiumOptions = {}) {
  const market = new Consortium(options);
  const { cluster } = market;
  const [one] = parties;
  market.place(one, market.nodes[one], '1', parties, 'right');
  const wrong = market.ask(one, market.nodes[one], 'POST', '/app/deals/1', { body: ' or wrong' });
  cluster.pass(500);
  return { market, cluster, nodes: market.nodes, transaction: txIdOf(wrong) };
}

/** Lets the member act for a company. */
function actFor({ cluster }: Consortium, party: Company): void {
  cluster.propose(cluster.primary, { name: 'set_access_user', args: { user_id: cluster.memberId, party } });
  cluster.pass(500);
}

const undo = ({ cluster }: Consortium, transaction: string, how: object) =>
  cluster.propose(cluster.primary, {
    name: 'undo_transactions',
    args: { transactions: [transaction], ...how },
  });

describe('what only the parties keep', () => {
  test('is undone by vote, and read again as it was before', () => {
    const { market, cluster, nodes, transaction } = amended(['mill', 'baker']);
    const { plan } = previewAt(cluster, nodes.bank, transaction);
    undo(market, transaction, { policy: 'restore', plan });
    cluster.pass(500);
    for (const node of Object.values(nodes)) assert.equal(market.read('baker', node, '1'), 'right');
  });

  test('shows in a preview to its readers, where it is kept or may be borrowed', () => {
    const { market, cluster, nodes, transaction } = amended(['mill', 'bank']);
    const changeAt = (node: Machine) => {
      const { changes } = previewAt(cluster, node, transaction);
      assert.equal(changes.length, 1);
      return changes[0];
    };
    assert.deepEqual(
      Object.keys(changeAt(nodes.mill) ?? {}).sort(),
      ['audience', 'digest'],
      'a member of no company',
    );
    actFor(market, 'mill');
    for (const node of [nodes.mill, nodes.bank]) {
      const change = changeAt(node);
      const shown = [change?.key?.text, change?.from?.text, change?.to?.text];
      assert.deepEqual(shown, ['1', 'right or wrong', 'right']);
    }
    assert.deepEqual(
      Object.keys(changeAt(nodes.baker) ?? {}).sort(),
      ['audience', 'digest'],
      'it is lent nothing',
    );

    const {
      market: other,
      cluster: elsewhere,
      nodes: others,
      transaction: theirs,
    } = amended(['mill', 'baker']);
    actFor(other, 'mill');
    const [change] = previewAt(elsewhere, others.bank, theirs).changes;
    assert.equal(change?.from?.text, 'right or wrong', 'the primary borrows');
    assert.equal(others.bank.parcels.size, 0);
  });

  test('is made up for: planned alike by all who have it, and stored by the parties before it is written', () => {
    const { market, cluster, nodes, transaction } = amended(['mill', 'baker']);
    const { bank, mill, baker } = nodes;
    const plans = [bank, mill, baker].map((node) => previewAt(cluster, node, transaction, compensation).plan);
    assert.ok(plans[0] !== undefined && new Set(plans).size === 1);
    actFor(market, 'mill');
    for (const node of [bank, mill]) {
      const { changes, plan } = previewAt(cluster, node, transaction, compensation);
      assert.deepEqual(
        changes.map(({ key, to }) => [key?.text, to?.text]),
        [['credit', credit]],
        'its readers see what they vote for',
      );
      assert.equal(plan, plans[0]);
    }
    const before = mill.parcels.size;
    const args = { ...compensation, plan: plans[0] };
    mill.keepsNothing = true;
    baker.keepsNothing = true;
    const last = cluster.state(bank).last_signed_seqno;
    assert.throws(() => undo(market, transaction, args), /503 .*UndoNotReady/);
    cluster.pass(500);
    assert.ok(bank.ledger.size <= last + 1, 'nothing came of it');
    mill.keepsNothing = false;
    baker.keepsNothing = false;
    undo(market, transaction, args);
    cluster.pass(500);
    for (const node of [mill, baker]) assert.equal(node.parcels.size, before + 1);
    for (const node of [bank, mill, baker]) assert.equal(market.read('mill', node, 'credit'), credit);
    assert.equal(bank.parcels.size, 0);
    assert.ok(!market.atRest(bank).includes(credit));
    const told = market.ask('baker', baker, 'GET', '/app/transactions').text;
    assert.match(told, /"endpoint":"undo"/);
  });

  test('is made up for under a primary that saw nothing of it, and planned by no node that may not have it', () => {
    const { market, cluster, nodes, transaction } = amended(['bank', 'mill']);
    const { bank, mill, baker } = nodes;
    const { plan } = previewAt(cluster, mill, transaction, compensation);
    assert.throws(() => previewAt(cluster, baker, transaction, compensation), /503 .*UndoNotReady.*parties/);
    bank.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    previewAt(cluster, cluster.primary, transaction, compensation);
    undo(market, transaction, { ...compensation, plan });
    cluster.pass(500);
    for (const node of [mill, baker]) assert.equal(market.read('mill', node, 'credit'), credit);
    assert.equal(baker.parcels.size, 0);
  });

  test('that is lent to nobody is made up for once a node of its parties leads', () => {
    const voted = { home: 'parties', lend: false } as const;
    const { market, cluster, nodes, transaction } = amended(['bank', 'mill'], { voted });
    const { bank, mill, baker } = nodes;
    const { plan } = previewAt(cluster, mill, transaction, compensation);
    cluster.pass(limits.officeMsMin);
    const own = { body: { parties: ['baker'], text: 'own' } };
    cluster.passUntil('the baker leads', () => {
      market.ask('baker', baker, 'PUT', '/app/deals/2', own);
      return cluster.hasPrimary && cluster.primary === baker;
    });
    cluster.pass(limits.officeMsMin + 100);
    assert.throws(() => undo(market, transaction, { ...compensation, plan }), /UndoNotReady/);
    cluster.passUntil('one of theirs leads', () => cluster.hasPrimary && cluster.primary !== baker);
    previewAt(cluster, cluster.primary, transaction, compensation);
    undo(market, transaction, { ...compensation, plan });
    cluster.pass(500);
    for (const node of [bank, mill]) assert.equal(market.read('mill', node, 'credit'), credit);
  });
});

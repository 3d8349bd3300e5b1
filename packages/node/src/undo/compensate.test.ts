import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UndoPreviewOut } from '@coco/api';
import type { Cluster } from '../testing/cluster.ts';
import { askAs, openDeals, strike } from '../testing/deals.ts';
import type { Machine, Reply } from '../testing/machine.ts';
import { previewAt } from '../testing/preview.ts';
import { committedEverywhere, threeNodes, txIdOf } from '../testing/service.ts';

const compensation = (name: string) => ({ policy: 'compensate', module: 'deals.js', function: name });

/** Three nodes with a deal of the grocer and the mill, and one of the baker and the mill under the same key. */
function dealt() {
  const { cluster, nodes } = threeNodes();
  const traders = openDeals(cluster);
  const at = cluster.primary;
  const deal = txIdOf(strike(cluster, at, traders.ann, { id: 'd', with: 'mill', price: 5 }));
  const other = txIdOf(strike(cluster, at, traders.cid, { id: 'd', with: 'mill', price: 700 }));
  committedEverywhere(cluster, nodes, other);
  return { cluster, nodes, traders, deal, other };
}

/** Lets the member act for a party, or for none. */
function actFor(cluster: Cluster, nodes: readonly Machine[], party?: string): void {
  const args = { user_id: cluster.memberId, ...(party === undefined ? {} : { party }) };
  const reply = cluster.propose(cluster.primary, { name: 'set_access_user', args });
  committedEverywhere(cluster, nodes, txIdOf(reply));
}

function compensateFor(cluster: Cluster, transaction: string, name: string, plan: string | undefined): Reply {
  const args = { transactions: [transaction], ...compensation(name), plan };
  return cluster.propose(cluster.primary, { name: 'undo_transactions', args });
}

const dealsOf = (cluster: Cluster, at: Machine, who: Parameters<typeof askAs>[2]) =>
  askAs(cluster, at, who, '/app/deals').json as [string, object][];

describe('a compensation for what an audience wrote', () => {
  test('acts for that audience alone, is shown to it alone, and lands in its rows', () => {
    const { cluster, nodes, traders, deal } = dealt();
    const preview = (): UndoPreviewOut => {
      const [asked] = nodes;
      return previewAt(cluster, asked, deal, compensation('credit'));
    };
    for (const stranger of [undefined, 'baker']) {
      actFor(cluster, nodes, stranger);
      const hidden = preview();
      assert.deepEqual(hidden.changes.map(Object.keys), [['audience', 'digest']]);
      assert.doesNotMatch(JSON.stringify(hidden), /credit d|deals"|"text"/);
    }
    actFor(cluster, nodes, 'grocer');
    const [change] = preview().changes;
    // The other deal has the same key and lies in the same map: it is not even counted.
    assert.deepEqual(
      [change?.key?.text, change?.from, change?.to?.text],
      ['credit d', null, '{"credit":5,"seen":1}'],
    );

    const done = compensateFor(cluster, deal, 'credit', preview().plan);
    committedEverywhere(cluster, nodes, txIdOf(done));
    for (const node of nodes) {
      const credit = ['credit d', { credit: 5, seen: 1 }];
      assert.deepEqual(dealsOf(cluster, node, traders.ann), [credit, ['d', { price: 5 }]]);
      assert.deepEqual(dealsOf(cluster, node, traders.cid), [['d', { price: 700 }]]);
      assert.equal(dealsOf(cluster, node, traders.bob).length, 3);
    }
  });

  for (const name of ['credit', 'creditByChance'])
    test(`${name} is the same on every node, and carried out by one that never saw it`, () => {
      const { cluster, nodes, traders, deal } = dealt();
      const plans = nodes.map((node) => previewAt(cluster, node, deal, compensation(name)).plan);
      assert.ok(plans[0] !== undefined);
      assert.equal(new Set(plans).size, 1);
      cluster.primary.isUp = false;
      cluster.passUntil('another one leads', () => cluster.hasPrimary);
      previewAt(cluster, cluster.primary, deal, compensation(name));
      const rest = nodes.filter(({ isUp }) => isUp);
      committedEverywhere(cluster, rest, txIdOf(compensateFor(cluster, deal, name, plans[0])));
      for (const node of rest)
        assert.match(JSON.stringify(dealsOf(cluster, node, traders.ann)), /"credit":5/);
    });

  test('is one that the application declares: no other function may be called on opened rows', () => {
    const { cluster, nodes, deal } = dealt();
    for (const name of ['strike', 'list', 'nothing']) {
      const { changes, problems } = previewAt(cluster, nodes[0], deal, compensation(name));
      const codes = problems.map(({ code }) => code);
      assert.deepEqual([codes, changes], [['NotACompensation'], []]);
    }
  });

  test('shows what it writes in the open, and why it fails, to readers of what it was given alone', () => {
    const { cluster, nodes, deal } = dealt();
    const told = () =>
      ['creditInTheOpen', 'refuse'].map((name) => previewAt(cluster, nodes[0], deal, compensation(name)));
    const [hidden, failed] = told();
    assert.deepEqual(hidden?.changes.map(Object.keys), [['digest']]);
    assert.deepEqual(
      failed?.problems.map(({ message }) => message),
      ['refuse of deals.js does not make up for it'],
    );
    actFor(cluster, nodes, 'grocer');
    const [shown, explained] = told();
    assert.equal(shown?.changes[0]?.to?.text, '["{\\"price\\":5}"]');
    assert.equal(shown?.plan, hidden?.plan);
    assert.match(explained?.problems[0]?.message ?? '', /: it answered with status 409$/);
  });

  test('cannot write where others see it', () => {
    const { cluster, nodes, deal } = dealt();
    const { changes, problems } = previewAt(cluster, nodes[0], deal, compensation('creditAll'));
    assert.deepEqual(changes, []);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['CompensationFailed'],
    );
    assert.doesNotMatch(JSON.stringify(problems), /price|credit d/);
  });

  test('is told nothing of rows whose key was destroyed', () => {
    const { cluster, nodes, traders, deal } = dealt();
    actFor(cluster, nodes, 'grocer');
    const { value } = askAs(cluster, nodes[0], traders.ann, '/app/transactions').json as {
      value: { audiences: { id: string }[] }[];
    };
    const args = { audience: value[0]?.audiences[0]?.id };
    const shredded = cluster.propose(cluster.primary, { name: 'shred_audience', args });
    committedEverywhere(cluster, nodes, txIdOf(shredded));
    const preview = previewAt(cluster, nodes[0], deal, compensation('credit'));
    assert.deepEqual([preview.possible, preview.changes], [true, []]);
  });
});

describe('those whom an undo concerns', () => {
  interface Listed {
    readonly reference: string;
    readonly transaction_id: string;
    readonly endpoint: string;
    readonly by: string;
    readonly undone_by: string | null;
  }
  const listOf = (cluster: Cluster, at: Machine, who: Parameters<typeof askAs>[2]) =>
    (askAs(cluster, at, who, '/app/transactions').json as { value: Listed[] }).value;

  test('find it in their lists and hear of it in their events, and nobody else does', () => {
    const { cluster, nodes, traders, deal } = dealt();
    const streams = [traders.ann, traders.cid].map((who) =>
      cluster.request(nodes[1], 'GET', '/app/events', { session: cluster.session(who.der) }),
    );
    const args = { transactions: [deal], policy: 'restore' };
    const { plan } = previewAt(cluster, cluster.primary, deal);
    const propose = { name: 'undo_transactions', args: { ...args, plan } };
    const undo = txIdOf(cluster.propose(cluster.primary, propose));
    committedEverywhere(cluster, nodes, undo);
    const [told, ...more] = streams.map(({ id }) => nodes[1].streams.get(id) ?? '');
    assert.match(told ?? '', new RegExp(`"transaction_id":"${undo}".*"endpoint":"undo","by":"members"`));
    assert.deepEqual(more, ['']);
    for (const node of nodes) {
      for (const who of [traders.ann, traders.bob]) {
        const listed = listOf(cluster, node, who);
        const found = listed.find(({ transaction_id: id }) => id === undo);
        assert.deepEqual([found?.endpoint, found?.by, found?.undone_by], ['undo', 'members', null]);
        assert.equal(listed.find(({ transaction_id: id }) => id === deal)?.undone_by, undo);
        const { value } = askAs(cluster, node, who, `/app/transactions/${found?.reference}/writes`).json as {
          value: unknown;
        };
        assert.deepEqual(value, [{ map: 'audience:deals', rows: [{ key: 'd', value: null }] }]);
      }
      assert.deepEqual(
        listOf(cluster, node, traders.cid).map(({ endpoint }) => endpoint),
        ['POST /deals'],
      );
      // It is governance, and so everybody's to prove.
      assert.equal(askAs(cluster, node, traders.cid, `/app/receipt?transaction_id=${undo}`).status, 200);
    }
    const again = previewAt(cluster, cluster.primary, undo).plan;
    const back = {
      name: 'undo_transactions',
      args: { transactions: [undo], policy: 'restore', plan: again },
    };
    const redo = txIdOf(cluster.propose(cluster.primary, back));
    committedEverywhere(cluster, nodes, redo);
    const ids = listOf(cluster, nodes[2], traders.bob).map((each) => [each.transaction_id, each.undone_by]);
    assert.deepEqual(ids.slice(0, 2), [
      [redo, null],
      [undo, redo],
    ]);
    assert.equal(ids.find(([id]) => id === deal)?.[1], null);
  });
});

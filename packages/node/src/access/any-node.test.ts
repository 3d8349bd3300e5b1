import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openClaims } from '@coco/access';
import { type Receipt, verifyReceipt } from '@coco/ledger';
import type { Cluster } from '../testing/cluster.ts';
import { askAs, openDeals, strike, type User } from '../testing/deals.ts';
import type { Machine, Reply } from '../testing/machine.ts';
import { committedEverywhere, threeNodes, txIdOf } from '../testing/service.ts';

interface Page {
  readonly value: readonly { readonly reference: string; readonly endpoint: string }[];
  readonly nextLink?: string;
}
const pageOf = (reply: Reply): Page => {
  assert.equal(reply.status, 200, reply.text);
  return reply.json as Page;
};
const referencesIn = (page: Page) => page.value.map(({ reference }) => reference);
const referenceOf = (reply: Reply) => reply.headers['coco-transaction-reference'] ?? '';

/** Three nodes on which ann and bob struck `count` deals, committed everywhere. Answers their references. */
function traded(count: number, options = {}) {
  const { cluster, nodes } = threeNodes(options);
  const traders = openDeals(cluster);
  const struck = Array.from({ length: count }, (_, i) =>
    strike(cluster, cluster.primary, traders.ann, { id: `${i}`, with: 'mill', price: i }),
  );
  committedEverywhere(cluster, nodes, txIdOf(struck.at(-1) as Reply));
  return { cluster, nodes, traders, references: struck.map(referenceOf) };
}

/** The transactions told on a stream, and the id of the last. */
function told(machine: Machine, stream: Reply): { readonly references: string[]; readonly last: string } {
  const text = machine.streams.get(stream.id) ?? '';
  const references = [...text.matchAll(/"reference":"([^"]+)"/g)].map(([, reference]) => reference ?? '');
  return { references, last: [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '' };
}

/** Loses the primary and waits for the next. Answers the nodes that are left. */
function loseThePrimary(cluster: Cluster, nodes: readonly Machine[]): Machine[] {
  cluster.primary.isUp = false;
  cluster.passUntil('another one leads', () => cluster.hasPrimary);
  return nodes.filter(({ isUp }) => isUp);
}

describe('private transactions at any node', () => {
  test('lists are the same everywhere, and each node goes on where another has ended', () => {
    const { cluster, nodes, references, traders } = traded(7);
    for (const order of ['oldest', 'newest']) {
      const seen: string[] = [];
      let next: string | undefined = `/app/transactions?limit=3&order=${order}`;
      for (let asked = 0; next !== undefined; asked++) {
        const page = pageOf(askAs(cluster, nodes[asked % 3] as Machine, traders.bob, next));
        seen.push(...referencesIn(page));
        next = page.nextLink;
      }
      assert.deepEqual(seen, order === 'oldest' ? references : references.toReversed());
    }
    for (const node of nodes) {
      assert.deepEqual(pageOf(askAs(cluster, node, traders.cid, '/app/transactions')).value, []);
    }
  });

  test('a cursor outlives the primary that gave it out, and still serves nobody else', () => {
    const { cluster, nodes, references, traders } = traded(4);
    const at = cluster.primary;
    const { nextLink = '' } = pageOf(askAs(cluster, at, traders.bob, '/app/transactions?limit=2'));
    for (const node of loseThePrimary(cluster, nodes)) {
      const page = pageOf(askAs(cluster, node, traders.bob, nextLink));
      assert.deepEqual(referencesIn(page), references.slice(0, 2).reverse());
      for (const other of [traders.ann, traders.cid])
        assert.equal(askAs(cluster, node, other, nextLink).status, 400);
    }
  });

  test('a backup that is behind gives nothing twice and nothing out of order, and goes on when it has caught up', () => {
    const { cluster, nodes, references, traders } = traded(2);
    const [first, second, third] = nodes;
    cluster.isolate(first, third);
    cluster.isolate(second, third);
    const late = strike(cluster, first, traders.ann, { id: 'late', with: 'mill', price: 9 });
    committedEverywhere(cluster, [first, second], txIdOf(late));
    const query = '/app/transactions?order=oldest&limit=2';
    const { nextLink = '', ...page } = pageOf(askAs(cluster, first, traders.bob, query));
    assert.deepEqual(referencesIn(page), references);
    assert.deepEqual(referencesIn(pageOf(askAs(cluster, third, traders.bob, nextLink))), []);
    cluster.heal();
    committedEverywhere(cluster, nodes, txIdOf(late));
    const rest = pageOf(askAs(cluster, third, traders.bob, nextLink));
    assert.deepEqual(referencesIn(rest), [referenceOf(late)]);
  });

  test('receipts, claims and writes are had by reference from a backup, and not by others', () => {
    const { cluster, nodes, references, traders } = traded(1);
    const path = `/app/transactions/${references[0]}`;
    for (const node of nodes) {
      const as = (who: User, route: string) => askAs(cluster, node, who, path + route);
      verifyReceipt(as(traders.bob, '/receipt').json as Receipt, cluster.servicePem);
      const claims = openClaims(as(traders.bob, '/claims').json as Parameters<typeof openClaims>[0]);
      assert.deepEqual(claims.fields.get('price'), 0);
      assert.match(as(traders.bob, '/writes').text, /\{\\"price\\":0\}/);
      for (const route of ['', '/receipt', '/claims', '/writes'])
        assert.equal(as(traders.cid, route).status, 404, route);
    }
  });

  test('events go on at another node, also after a change of primary, none twice and none left out', () => {
    const { cluster, nodes, traders } = traded(1);
    const [, second] = nodes;
    const open = (node: Machine, headers = {}) =>
      cluster.request(node, 'GET', '/app/events', { session: cluster.session(traders.bob.der), headers });
    const before = open(second);
    const some = [1, 2].map((i) =>
      strike(cluster, cluster.primary, traders.ann, { id: `new ${i}`, with: 'mill', price: i }),
    );
    committedEverywhere(cluster, nodes, txIdOf(some[1] as Reply));
    assert.deepEqual(told(second, before).references, some.map(referenceOf));
    const more = strike(cluster, cluster.primary, traders.ann, { id: 'new 3', with: 'mill', price: 3 });
    committedEverywhere(cluster, nodes, txIdOf(more));

    const [left, other] = loseThePrimary(cluster, nodes) as [Machine, Machine];
    const [, cursor] = [...(second.streams.get(before.id) ?? '').matchAll(/^id: (.*)$/gm)].map(
      ([, id]) => id,
    );
    const streams = [left, other].map((node) => open(node, { 'last-event-id': cursor ?? '' }));
    const last = strike(cluster, cluster.primary, traders.ann, { id: 'new 4', with: 'mill', price: 4 });
    committedEverywhere(cluster, [left, other], txIdOf(last));
    for (const [i, node] of [left, other].entries())
      assert.deepEqual(told(node, streams[i] as Reply).references, [more, last].map(referenceOf));
  });
});

describe('a look by grant', () => {
  const grant = {
    name: 'set_access_grant',
    args: {
      grant: 'all',
      to: 'role:auditor',
      from: '2020-01-01T00:00:00Z',
      until: '2040-01-01T00:00:00Z',
      expires: '2040-01-01T00:00:00Z',
      purpose: 'audit',
    },
  };
  const routes = (reference: string) => [
    '/app/transactions?grant=all',
    ...['', '/receipt', '/claims', '/writes'].map(
      (route) => `/app/transactions/${reference}${route}?grant=all`,
    ),
  ];
  const looks = (cluster: Cluster, node: Machine, who: User) =>
    (askAs(cluster, node, who, '/app/access/looks').json as { value: { asked: string }[] }).value.map(
      ({ asked }) => asked,
    );

  test('is answered and recorded wherever it is asked', () => {
    const { cluster, nodes, references, traders } = traded(1);
    committedEverywhere(cluster, nodes, txIdOf(cluster.propose(cluster.primary, grant)));
    for (const node of nodes) {
      for (const route of routes(references[0] ?? '')) {
        const reply = askAs(cluster, node, traders.rita, route);
        assert.equal(reply.status, 200, `${route}: ${reply.text}`);
      }
    }
    cluster.pass(500);
    for (const node of nodes) {
      // Once for each answer that showed something, and not for those that said to ask again.
      const asked = looks(cluster, node, traders.bob);
      assert.deepEqual(asked.sort(), nodes.flatMap(() => routes(references[0] ?? '')).sort());
      assert.deepEqual(looks(cluster, node, traders.cid), []);
    }
  });

  test('shows nothing before it is recorded for good', () => {
    const { cluster, nodes, references, traders } = traded(1);
    committedEverywhere(cluster, nodes, txIdOf(cluster.propose(cluster.primary, grant)));
    const { primary } = cluster;
    const backups = nodes.filter((node) => node !== primary);
    for (const node of backups) node.isUp = false;
    const session = cluster.session(traders.rita.der);
    const asked = routes(references[0] ?? '').map((route) => cluster.ask(primary, 'GET', route, { session }));
    cluster.pass(200);
    for (const reply of asked) assert.notEqual(reply()?.status, 200);
    for (const node of backups) node.isUp = true;
    cluster.pass(5_000);
    // Its look was committed with it, or was lost and it showed nothing.
    const seen = asked.filter((reply) => reply()?.status === 200).length;
    assert.equal(looks(cluster, cluster.primary, traders.bob).length, seen);
  });

  test('leads to the primary where clients are redirected', () => {
    const { cluster, nodes, references, traders } = traded(1, { redirects: true });
    committedEverywhere(cluster, nodes, txIdOf(cluster.propose(cluster.primary, grant)));
    const [backup] = nodes.filter((node) => node !== cluster.primary) as [Machine];
    for (const route of routes(references[0] ?? '')) {
      const sent = askAs(cluster, backup, traders.rita, route);
      assert.equal(sent.status, 307, sent.text);
      assert.equal(sent.headers.location, `https://${cluster.primary.address}${route}`);
    }
    assert.equal(askAs(cluster, backup, traders.ann, '/app/transactions').status, 200, 'reads are local');
  });
});

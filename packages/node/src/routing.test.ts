import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cluster } from './testing/cluster.ts';
import { committedEverywhere, get, put, threeNodes, txIdOf } from './testing/service.ts';
import { encodeWire } from './wire.ts';

describe('requests at any node', () => {
  test('a write at a backup is forwarded, and its session then reads what it wrote', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    const session = cluster.session();
    const written = cluster.request(second, 'PUT', '/app/value', { body: 'forwarded', session });
    const txId = txIdOf(written);
    assert.equal(cluster.request(second, 'GET', '/app/value', { session }).text, 'forwarded');
    committedEverywhere(cluster, nodes, txId);
    assert.equal(get(cluster, first), 'forwarded');
  });

  test('with redirections the client is sent to the primary, with path and query', () => {
    const { cluster, nodes } = threeNodes({ redirects: true });
    const [first, second] = nodes;
    const sent = cluster.request(second, 'PUT', '/app/value?x=1', { body: 'x' });
    assert.equal(sent.status, 307);
    assert.equal(sent.headers.location, `https://${first.address}/app/value?x=1`);
    assert.equal(cluster.request(second, 'GET', '/app/value').status, 200, 'reads are local');
    assert.equal(cluster.request(first, 'PUT', '/app/value?x=1', { body: 'x' }).status, 200);
    const primary = cluster.request(second, 'HEAD', '/node/primary');
    assert.equal(primary.status, 308);
    assert.equal(primary.headers.location, `https://${first.address}/node/primary`);
  });

  test('a write that its contract never lets go elsewhere fails at a backup, and leaves no trace', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    const refused = cluster.request(second, 'PUT', '/app/stubborn', { body: 'x' });
    assert.equal(refused.status, 503);
    assert.match(refused.text, /TransactionReplicationFailed/);
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'fine')));
    assert.equal(get(cluster, second), 'fine');
  });

  test('what is forwarded to a primary that is gone is answered in time', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    cluster.isolate(first, second);
    cluster.isolate(first, third);
    const answer = cluster.ask(second, 'PUT', '/app/value', { body: 'x' });
    cluster.passUntil('the client is told', () => answer() !== undefined, 5_000);
    assert.equal(answer()?.status, 503);
  });

  test('a forwarded request that arrives twice is carried out once', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    cluster.repeats = true;
    txIdOf(cluster.request(second, 'PUT', '/app/value', { body: 'once' }));
    const before = cluster.state(first).last_signed_seqno;
    cluster.pass(200);
    assert.ok(cluster.state(first).last_signed_seqno <= before + 2, 'one write and its signature');
  });

  test('a forwarded request of a session that began in another view is not carried out', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    const view = Number(txIdOf(put(cluster, first, 'before')).split('.')[0]);
    const pass = (session: number, sessionView: number, body: string): void => {
      const request = {
        method: 'PUT',
        target: '/app/value',
        headers: {},
        body: new TextEncoder().encode(body),
      };
      const sender = { session, view: sessionView, interface: 'main', clientCertificate: null };
      const message = encodeWire({ kind: 'request', id: session, ...sender, request });
      first.inbox.push({ kind: 'received', from: second.id, message });
      cluster.pass(50);
    };
    pass(1_000, view, 'of this view');
    assert.equal(get(cluster, first), 'of this view');
    pass(1_001, view - 1, 'of the one before');
    assert.equal(get(cluster, first), 'of this view');
  });

  test('a session does not cross into another view', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second] = nodes;
    const session = cluster.session();
    assert.equal(cluster.request(second, 'GET', '/app/value', { session }).status, 200);
    first.isUp = false;
    cluster.passUntil('another one leads', () => cluster.hasPrimary);
    const lost = cluster.request(second, 'GET', '/app/value', { session });
    assert.equal(lost.status, 500);
    assert.match(lost.text, /SessionConsistencyLost/);
    assert.equal(lost.closes, true);
  });
});

describe('a read with coco-read: current', () => {
  const headers = { 'coco-read': 'current' };

  test('is answered by the primary wherever it is asked', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    cluster.isolate(first, third);
    committedEverywhere(cluster, [first, second], txIdOf(put(cluster, first, 'new')));
    assert.equal(cluster.request(first, 'GET', '/app/value', { headers }).text, 'new');
    assert.equal(cluster.request(second, 'GET', '/app/value', { headers }).text, 'new');
    assert.equal(get(cluster, third), 'nothing', 'a local read may be behind');
  });

  test('is not answered by a primary that was replaced and does not know', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    committedEverywhere(cluster, nodes, txIdOf(put(cluster, first, 'old')));
    for (const other of [second, third]) cluster.isolate(first, other);
    const stale = cluster.ask(first, 'GET', '/app/value', { headers });
    assert.equal(get(cluster, first), 'old', 'a local read does not ask anybody');
    cluster.passUntil('the first gives up', () => stale() !== undefined);
    assert.equal(stale()?.status, 503);
  });

  test('of a service of one node costs nothing but its commit', () => {
    const cluster = new Cluster();
    const first = cluster.start();
    cluster.open(first);
    txIdOf(put(cluster, first, 'mine'));
    assert.equal(cluster.request(first, 'GET', '/app/value', { headers }).text, 'mine');
  });
});

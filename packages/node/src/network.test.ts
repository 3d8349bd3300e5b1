import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cluster } from './testing/cluster.ts';
import type { Machine } from './testing/machine.ts';

/** A service of three nodes that is open. */
function threeNodes(options = {}): { cluster: Cluster; nodes: [Machine, Machine, Machine] } {
  const cluster = new Cluster(options);
  const first = cluster.start();
  const second = cluster.join(first);
  const third = cluster.join(first);
  const takePart = (): boolean =>
    Object.keys(cluster.consensus(first).configs.at(-1)?.nodes ?? {}).length === 3;
  cluster.passUntil('three nodes vote', takePart);
  cluster.open(first);
  return { cluster, nodes: [first, second, third] };
}

const committed = (cluster: Cluster, machine: Machine, txId: string | undefined): boolean => {
  const reply = cluster.request(machine, 'GET', `/app/tx?transaction_id=${txId}`);
  return (reply.json as { status?: string }).status === 'Committed';
};

describe('nodes of one service', () => {
  test('join, hold the same ledger, and read what one of them wrote', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    const written = cluster.request(first, 'PUT', '/app/value', { body: 'one' });
    assert.equal(written.status, 200, written.text);
    const txId = written.headers['x-ms-ccf-transaction-id'];
    cluster.passUntil('the write is committed everywhere', () =>
      nodes.every((node) => committed(cluster, node, txId)),
    );
    for (const node of nodes) assert.equal(cluster.request(node, 'GET', '/app/value').text, 'one');
    for (const node of [second, third]) assert.deepEqual(node.ledger, first.ledger);
  });
});

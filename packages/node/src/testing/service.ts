import assert from 'node:assert/strict';
import { Cluster, type ClusterOptions } from './cluster.ts';
import type { Machine, Reply } from './machine.ts';

/** A service of three nodes that is open. */
export function threeNodes(options: ClusterOptions = {}): {
  cluster: Cluster;
  nodes: [Machine, Machine, Machine];
} {
  const cluster = new Cluster(options);
  const first = cluster.start();
  const second = cluster.join(first);
  const third = cluster.join(first);
  cluster.passUntil('three nodes vote', () => voters(cluster, first) === 3);
  cluster.open(first);
  return { cluster, nodes: [first, second, third] };
}

/** A service of one node that wrote so many values and took snapshots meanwhile. */
export function oneNodeWithSnapshots(values: number): { cluster: Cluster; first: Machine } {
  const cluster = new Cluster({ snapshotEvery: 20 });
  const first = cluster.start();
  cluster.open(first);
  for (let i = 0; i < values; i++) {
    put(cluster, first, `value ${i}`);
    cluster.pass(10);
  }
  cluster.pass(200);
  return { cluster, first };
}

/** How many nodes count in the newest configuration. */
export const voters = (cluster: Cluster, at: Machine): number =>
  Object.keys(cluster.consensus(at).configs.at(-1)?.nodes ?? {}).length;

/** The transaction of an answer, which must be a success. */
export const txIdOf = (reply: Reply): string => {
  assert.equal(reply.status, 200, reply.text);
  return reply.headers['x-ms-ccf-transaction-id'] ?? '';
};

const statusAt = (cluster: Cluster, machine: Machine, txId: string): string =>
  (cluster.request(machine, 'GET', `/app/tx?transaction_id=${txId}`).json as { status: string }).status;

/** Lets time pass until a transaction is committed on all these machines. */
export function committedEverywhere(cluster: Cluster, machines: readonly Machine[], txId: string): void {
  const done = (): boolean => machines.every((machine) => statusAt(cluster, machine, txId) === 'Committed');
  cluster.passUntil(`${txId} is committed`, done);
}

/** Writes the value. */
export const put = (cluster: Cluster, machine: Machine, body: string): Reply =>
  cluster.request(machine, 'PUT', '/app/value', { body });
/** Reads the value. */
export const get = (cluster: Cluster, machine: Machine): string =>
  cluster.request(machine, 'GET', '/app/value').text;

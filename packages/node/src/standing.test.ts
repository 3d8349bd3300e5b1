import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NodePolicy } from '@coco/governance';
import { Cluster } from './testing/cluster.ts';
import type { Machine } from './testing/machine.ts';

const lease = { seconds: 60 };
/** Virtual nodes are all there are here: the policy names them. */
const platforms = { virtual: {} };

interface Standing {
  readonly nodeId: string;
  readonly counts: boolean;
  readonly verified: number;
  readonly nonce?: string;
  readonly refusal?: { readonly code: string };
}

function standings(cluster: Cluster, at: Machine): Map<string, Standing> {
  const { json, status, text } = cluster.request(
    at,
    'GET',
    '/gov/service/attestation?api-version=2024-07-01',
  );
  assert.equal(status, 200, text);
  return new Map((json as { nodes: Standing[] }).nodes.map((node) => [node.nodeId, node]));
}

function setPolicy(cluster: Cluster, policy: NodePolicy): void {
  cluster.propose(cluster.primary, { name: 'set_attestation_policy', args: { policy } });
}

/** Who votes, as a node says. */
const voters = (cluster: Cluster, at: Machine = cluster.primary): string[] =>
  Object.keys(cluster.consensus(at).configs.at(-1)?.nodes ?? {});

/** Lets seconds pass until something holds, at most two minutes. */
function eventually(cluster: Cluster, what: string, holds: () => boolean): void {
  for (let seconds = 0; !holds(); seconds++) {
    if (seconds >= 120) throw new Error(`not within two minutes: ${what}\n${cluster.story()}`);
    cluster.pass(1000);
  }
}

function threeNodes(): { cluster: Cluster; nodes: [Machine, Machine, Machine] } {
  const cluster = new Cluster({ evidence: 'host' });
  const first = cluster.start();
  const second = cluster.join(first);
  const third = cluster.join(first);
  cluster.passUntil('three nodes vote', () => voters(cluster, first).length === 3);
  cluster.open(first);
  return { cluster, nodes: [first, second, third] };
}

describe('leases', () => {
  test('are renewed by every node before they run out, with a root of the ledger as nonce', () => {
    const { cluster, nodes } = threeNodes();
    setPolicy(cluster, { platforms, lease });
    const before = standings(cluster, nodes[0]);
    const renewed = (): boolean =>
      [...standings(cluster, nodes[0])].every(
        ([id, { verified, nonce }]) => nonce !== undefined && verified > (before.get(id)?.verified ?? 0),
      );
    eventually(cluster, 'all have renewed', renewed);
    const after = [...standings(cluster, nodes[1]).values()];
    assert.deepEqual(
      after.map(({ counts }) => counts),
      [true, true, true],
    );
    assert.equal(voters(cluster).length, 3);
  });

  test('that run out end the vote of a node, and a renewal brings it back', () => {
    const { cluster, nodes } = threeNodes();
    const [first, , third] = nodes;
    third.isMute = true;
    setPolicy(cluster, { platforms, lease });
    eventually(cluster, 'two nodes vote', () => voters(cluster).length === 2);
    assert.equal(standings(cluster, first).get(third.id)?.counts, false);
    assert.ok(!voters(cluster).includes(third.id));
    assert.equal(cluster.request(first, 'PUT', '/app/value', { body: 'x' }).status, 200);
    third.isMute = false;
    eventually(cluster, 'three nodes vote again', () => voters(cluster).length === 3);
  });

  test('that run out on the primary hand the service to another node', () => {
    const { cluster, nodes } = threeNodes();
    const [first] = nodes;
    first.isMute = true;
    setPolicy(cluster, { platforms, lease });
    eventually(cluster, 'two others vote', () => cluster.hasPrimary && !voters(cluster).includes(first.id));
    eventually(cluster, 'another leads', () => cluster.hasPrimary && cluster.primary !== first);
    assert.equal(cluster.request(cluster.primary, 'PUT', '/app/value', { body: 'x' }).status, 200);
  });

  test('are judged by backups as well: a primary whose clock was stopped does not keep its office', () => {
    const { cluster, nodes } = threeNodes();
    const [first, second, third] = nodes;
    setPolicy(cluster, { platforms, lease });
    first.clockStoppedAt = cluster.now;
    cluster.pass(30_000);
    assert.equal(cluster.primary, first, 'by its own clock nothing has happened');
    eventually(cluster, 'another leads', () => cluster.hasPrimary && cluster.primary !== first);
    assert.equal(cluster.request(cluster.primary, 'PUT', '/app/value', { body: 'x' }).status, 200);
    eventually(cluster, 'it does not vote', () => !voters(cluster).includes(first.id));
    assert.deepEqual(voters(cluster).sort(), [second.id, third.id].sort());
  });

  test('that nobody can renew make nobody deaf: without a quorum that is trusted, all are heard', () => {
    const { cluster, nodes } = threeNodes();
    setPolicy(cluster, { platforms, lease });
    for (const node of nodes) node.isMute = true;
    cluster.pass(100_000);
    assert.equal(cluster.request(cluster.primary, 'PUT', '/app/value', { body: 'x' }).status, 200);
  });

  test('of the last node never end its vote, and its standing says that it does not count', () => {
    const cluster = new Cluster({ evidence: 'host' });
    const only = cluster.start();
    cluster.open(only);
    only.isMute = true;
    setPolicy(cluster, { platforms, lease });
    cluster.pass(70_000);
    assert.equal(standings(cluster, only).get(only.id)?.counts, false);
    assert.equal(cluster.request(only, 'PUT', '/app/value', { body: 'x' }).status, 200);
    only.isMute = false;
    eventually(cluster, 'it counts', () => standings(cluster, only).get(only.id)?.counts === true);
  });
});

/** How a node is listed by another. */
function listed(
  cluster: Cluster,
  at: Machine,
  id: string,
): { readonly role?: string; readonly votes?: boolean } {
  return cluster.request(at, 'GET', `/node/network/nodes/${id}`).json as { role?: string; votes?: boolean };
}

describe('a joiner that may hold ledger secrets and not vote', () => {
  function withReader(): { cluster: Cluster; first: Machine; reader: Machine } {
    const cluster = new Cluster({ evidence: 'host' });
    const first = cluster.start();
    cluster.open(first);
    // The first node does not suffice either: the last one votes all the same.
    setPolicy(cluster, { platforms, roles: { vote: 'processor' } });
    const reader = cluster.join(first);
    cluster.pass(500);
    cluster.trust(reader, first);
    cluster.passUntil('it has joined', () => cluster.state(reader).state === 'PartOfNetwork');
    cluster.pass(2000);
    return { cluster, first, reader };
  }

  test('is a learner that serves private reads and never counts', () => {
    const { cluster, first, reader } = withReader();
    assert.equal(cluster.request(first, 'PUT', '/app/value', { body: 'told' }).status, 200);
    cluster.pass(500);
    assert.equal(cluster.request(reader, 'GET', '/app/value').text, 'told');
    assert.deepEqual(voters(cluster, first), [first.id]);
    const { role, votes } = listed(cluster, reader, reader.id);
    assert.deepEqual([role, votes], ['secrets', false]);
    reader.isUp = false;
    const done = cluster.ask(first, 'PUT', '/app/value', { body: 'without it' });
    cluster.pass(500);
    assert.equal(done()?.status, 200);
  });

  test('votes once the members ask for less', () => {
    const { cluster, first, reader } = withReader();
    setPolicy(cluster, { platforms });
    eventually(cluster, 'it votes', () => voters(cluster, first).includes(reader.id));
    const { role, votes } = listed(cluster, first, reader.id);
    assert.deepEqual([role, votes], [undefined, undefined]);
  });
});

describe('a joiner that may only verify', () => {
  function withAuditor(options: { readonly snapshot?: boolean } = {}): {
    cluster: Cluster;
    first: Machine;
    auditor: Machine;
  } {
    const cluster = new Cluster({ evidence: 'host' });
    const first = cluster.start();
    cluster.open(first);
    setPolicy(cluster, { platforms, roles: { vote: 'processor', secrets: 'cloud' } });
    assert.equal(cluster.request(first, 'PUT', '/app/value', { body: 'before' }).status, 200);
    cluster.pass(1000);
    const auditor = cluster.join(first, { fetch_recent_snapshot: options.snapshot === true });
    cluster.pass(500);
    cluster.trust(auditor, first);
    cluster.passUntil('it has joined', () => cluster.state(auditor).state === 'PartOfPublicNetwork');
    cluster.pass(2000);
    return { cluster, first, auditor };
  }

  const commitOf = (cluster: Cluster, at: Machine) =>
    (cluster.request(at, 'GET', '/node/commit').json as { transaction_id: string }).transaction_id;

  for (const snapshot of [false, true]) {
    test(`follows the ledger ${snapshot ? 'after a snapshot' : 'from its beginning'} and sees nothing private`, () => {
      const { cluster, first, auditor } = withAuditor({ snapshot });
      assert.equal(cluster.request(first, 'PUT', '/app/value', { body: 'told' }).status, 200);
      // A secret that is not for it.
      cluster.propose(first, { name: 'trigger_ledger_rekey' });
      assert.equal(cluster.request(first, 'PUT', '/app/value', { body: 'told again' }).status, 200);
      cluster.pass(1000);
      assert.equal(commitOf(cluster, auditor), commitOf(cluster, first));
      const refused = cluster.request(auditor, 'GET', '/app/value');
      assert.equal(refused.status, 503);
      assert.match(refused.text, /NodeHoldsNoSecrets.*may only verify/);
      assert.equal(
        cluster.request(auditor, 'GET', '/gov/service/members?api-version=2024-07-01').status,
        200,
      );
      assert.deepEqual(voters(cluster, first), [first.id]);
      const { role, votes } = listed(cluster, auditor, auditor.id);
      assert.deepEqual([role, votes], ['verify', false]);
      assert.equal(auditor.node.replica?.secrets.latest(), undefined);
      assert.equal((auditor.node.replica?.first ?? 0) > 1, snapshot);
      assert.ok(!auditor.log.some((line) => line.startsWith('fail')), auditor.log.join('\n'));
    });
  }

  test('stays one when the members ask for less: it holds no secrets to read the past with', () => {
    const { cluster, first, auditor } = withAuditor();
    setPolicy(cluster, { platforms });
    cluster.pass(5000);
    assert.equal(listed(cluster, first, auditor.id).role, 'verify');
    assert.deepEqual(voters(cluster, first), [first.id]);
    assert.equal(cluster.request(auditor, 'GET', '/app/value').status, 503);
    // Another one like it joins by the new policy, and votes.
    const other = cluster.join(first);
    cluster.pass(500);
    cluster.trust(other, first);
    eventually(cluster, 'it votes', () => voters(cluster, first).includes(other.id));
    assert.equal(cluster.request(other, 'GET', '/app/value').text, 'before');
  });
});

describe('a policy that changes', () => {
  test('refuses nodes that are in, says why, and lets them back when it changes again', () => {
    const { cluster, nodes } = threeNodes();
    const [first] = nodes;
    setPolicy(cluster, { platforms: { snp: {} }, graceSeconds: 60 });
    cluster.pass(100);
    const refusals = [...standings(cluster, first).values()].map(({ refusal, counts }) => [
      refusal?.code,
      counts,
    ]);
    assert.deepEqual(refusals, Array(3).fill(['platform-accepted', true]));
    assert.ok(first.log.some((line) => /no longer accepted/.test(line)));
    setPolicy(cluster, { platforms });
    cluster.pass(100);
    assert.deepEqual(
      [...standings(cluster, first).values()].map(({ refusal }) => refusal),
      [undefined, undefined, undefined],
    );
  });
});

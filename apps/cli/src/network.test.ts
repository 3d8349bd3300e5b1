// The nodes of a service, looked after with the tool alone.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { NetworkOut, NodeOut } from '@coco/api';
import { standingOf } from './network/standing.ts';
import type { Ending } from './program.ts';
import { type Place, place } from './testing/place.ts';

describe('a network', { timeout: 120_000 }, () => {
  let here: Place;
  let running: Promise<Ending>;

  before(async () => {
    here = place();
    running = here.coco('dev', '-n', '127.0.0.1:0', '--nodes', '3');
    const ended = running.then(({ error, out }) => assert.fail(`coco dev ended: ${error}${out}`));
    while (!here.progress.some((line) => line.includes('Ctrl-C'))) await Promise.race([delay(20), ended]);
  });
  after(async () => {
    here.stop();
    const { code, error } = await running;
    here[Symbol.dispose]();
    assert.deepEqual([code, error], [0, '']);
  });

  const asMember = (...words: string[]) => here.json(...words, '--profile', 'dev-member');
  const listed = async () =>
    (await here.json('node', 'list')).value.nodes as { node_id: string; status: string }[];

  test('tells how each node stands', async () => {
    const { code, value } = await here.json('network', 'status');
    const nodes = value.nodes as { answers: { role: string } }[];
    const roles = nodes.map(({ answers }) => answers.role).sort();
    assert.deepEqual(
      [code, roles, value.spare, value.advice],
      [0, ['Follower', 'Follower', 'Leader'], 1, []],
    );
    const { out } = await here.coco('network', 'status');
    assert.match(out, /Trusted +primary +PartOfNetwork/);
    assert.match(out, /Trusted +backup +PartOfNetwork/);
  });

  test('what another node answers at the address of one that is gone is not taken for its own', async () => {
    const [first] = (await here.json('node', 'list')).value.nodes as NodeOut[];
    const { value } = await here.json('service', 'info');
    const certificate = readFileSync(here.file('workspace/sandbox_common/service_cert.pem'), 'utf8');
    const gone = { ...first!, node_id: 'f'.repeat(64), status: 'Retired' } as const;
    const { nodes } = await standingOf(value.network as NetworkOut, [first!, gone], certificate);
    assert.deepEqual(
      nodes.map(({ problem }) => problem),
      [null, 'another node answers there'],
    );
  });

  test('nodes are found by the beginning of their ids', async () => {
    const [first] = await listed();
    const { code, value } = await here.json('node', 'show', first!.node_id.slice(0, 8));
    assert.deepEqual([code, value.node_id], [0, first!.node_id]);
    const unknown = await here.coco('node', 'show', 'zz');
    assert.deepEqual(
      [unknown.code, unknown.error],
      [1, 'coco: no node of the service begins with zz: coco node list\n'],
    );
  });

  test('only a node that asks to join can be let in', async () => {
    const [first] = await listed();
    const { code, value } = await asMember('node', 'trust', first!.node_id);
    assert.equal(code, 1);
    assert.match((value.error as { message: string }).message, /is Trusted, not Pending/);
    assert.deepEqual((await here.json('node', 'list', '--status', 'pending')).value, { nodes: [] });
  });

  const proposals: [string, ...string[]][] = [
    ['certificates of all nodes are renewed', 'node', 'renew', '--days', '30'],
    ['the certificate of the service is renewed', 'network', 'renew', '--days', '30'],
    ['the ledger gets a new secret', 'network', 'rekey'],
  ];
  for (const [what, ...words] of proposals) {
    test(`${what} by a proposal`, async () => {
      const { code, value } = await asMember(...words);
      assert.deepEqual([code, value.proposalState], [0, 'Accepted'], JSON.stringify(value));
    });
  }

  test('a node is retired by a proposal, and forgotten when that is committed', async () => {
    const backup = (
      (await here.json('node', 'list')).value.nodes as { node_id: string; primary: boolean }[]
    ).find(({ primary }) => !primary)!;
    const early = await asMember('node', 'forget', backup.node_id);
    assert.equal(early.code, 1, 'a node that is trusted is not forgotten');
    const { code, value } = await asMember('node', 'retire', backup.node_id, '--wait');
    assert.deepEqual([code, value.mayStop], [0, true], JSON.stringify(value));
    assert.equal((await asMember('node', 'forget', backup.node_id.slice(0, 10))).code, 0);
    assert.ok(!(await listed()).some(({ node_id }) => node_id === backup.node_id));
  });

  test('which ledger to recover from is seen from the files', async () => {
    mkdirSync(here.file('empty'));
    const { code, value } = await here.json('network', 'recovery', 'empty', 'workspace/sandbox_0/ledger');
    assert.deepEqual([code, value.recoverFrom], [0, 'workspace/sandbox_0/ledger']);
    const [best] = value.ledgers as { lastSigned: string; lastEntry: number }[];
    assert.match(best!.lastSigned, /^2\.\d+$/);
    const { code: refused } = await here.coco('network', 'recovery', 'empty');
    assert.equal(refused, 1);
  });
});

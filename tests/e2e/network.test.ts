// A consortium's nodes as processes on one machine, under load, losing their leader in every way there is.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { header } from '@coco/api';
import { fetchReceipt, submit } from '@coco/client';
import type { TxId } from '@coco/ledger';
import type { LocalNode } from '../../apps/cli/src/dev/local-network.ts';
import { nodeFolder } from '../../apps/cli/src/dev/workspace.ts';
import { listChunks } from '../../apps/cli/src/ledger/folder.ts';
import { byReach, type Reach, reachOf } from '../../apps/cli/src/ledger/reach.ts';
import { keysOf, type Service } from '../workloads/service.ts';
import { assertKept, startWriters } from '../workloads/writers.ts';
import {
  assertNothingLost,
  electionTimeoutMs,
  failOver,
  fillDisk,
  startNetwork,
  untilLed,
  untilLevel,
} from './network-driver.ts';

const hasPrlimit = (() => {
  try {
    execFileSync('prlimit', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

describe('three nodes', { timeout: 240_000 }, () => {
  let service: Service;
  /** A transaction of the first entries. */
  let early: TxId | undefined;

  before(async () => {
    service = await startNetwork(3, (configuration) => {
      configuration.snapshots = { ...(configuration.snapshots as object), tx_count: 60 };
    });
  });
  after(() => service?.[Symbol.asyncDispose]());

  /** Starts a node in place of one that is gone: members let the new one in and the old one out. */
  async function replace(gone: LocalNode): Promise<void> {
    const { network } = service;
    const joiner = await network.join(network.nodes.length);
    await network.admit(joiner);
    await network.retire(gone);
    await untilLevel(network.running);
  }

  test('a write at any node is answered when it is committed, with a receipt that verifies', async () => {
    const keys = keysOf(service.workspace, 0);
    for (const [first] of service.network.running.entries()) {
      const request = { method: 'POST', path: '/app/log/private', json: { id: first, msg: 'anywhere' } };
      const done = await submit(service.network.session(keys, { first }), request, { receipt: true });
      assert.ok(done.outcome === 'Committed' && done.receipt?.proves.kind === 'transaction');
      assert.equal(done.answer.headers[header.preferenceApplied], 'wait, receipt');
      early ??= done.transactionId;
    }
  });

  test('kill -9 of the leader: the others elect one in time, and nothing acknowledged is lost', async (t) => {
    const { network } = service;
    const writers = startWriters(service);
    await writers.more(100);
    const old = await untilLed(network.running);
    const { committedMs, electedMs, leader, rounds } = await failOver(network, writers, ({ process }) =>
      process.kill('SIGKILL'),
    );
    await writers.more(100);
    assert.notEqual(leader, old);
    assert.ok(electedMs < 1.5 * rounds * electionTimeoutMs, `${electedMs} ms, ${rounds} rounds`);
    const told = await assertNothingLost(writers, network.running);
    t.diagnostic(
      `new leader after ${electedMs.toFixed(0)} ms, next commit after ${committedMs.toFixed(0)} ms; ${told} commits kept`,
    );
  });

  test('a dead node is replaced by a vote while clients write', async () => {
    const { network } = service;
    const dead = network.nodes.find(({ process }) => !process.running)!;
    const writers = startWriters(service);
    await replace(dead);
    assert.equal(network.running.length, 3);
    await assertNothingLost(writers, network.running);
    // What was before its snapshot the new node has from the others.
    const joiner = network.running.at(-1)!;
    const [oldest] = listChunks(join(joiner.process.folder, 'ledger'));
    assert.ok(oldest!.name.start > early!.seqno, `its ledger begins with ${oldest!.name.start}`);
    const { proves } = await fetchReceipt(joiner.session, early!);
    assert.ok(proves.kind === 'transaction');
    assert.deepEqual(proves.txId, early);
  });

  test('SIGSTOP of the leader: the others go on, and it follows them when it wakes', async (t) => {
    const { network } = service;
    const writers = startWriters(service);
    await writers.more(50);
    const old = await untilLed(network.running);
    const { electedMs, leader } = await failOver(network, writers, ({ process }) => process.kill('SIGSTOP'));
    await writers.more(50);
    old.process.kill('SIGCONT');
    await writers.more(50);
    const told = await assertNothingLost(writers, network.running);
    assert.equal(await untilLed(network.running), leader, 'the one that slept does not disturb the others');
    t.diagnostic(`new leader after ${electedMs.toFixed(0)} ms; ${told} commits kept`);
  });

  test('a leader whose disk is full ends itself, and nothing acknowledged is lost', {
    skip: hasPrlimit ? false : 'there is no prlimit here to bound files with',
  }, async (t) => {
    const { network } = service;
    const writers = startWriters(service);
    await writers.more(50);
    const full = await untilLed(network.running);
    const { electedMs } = await failOver(network, writers, fillDisk);
    await full.process.ended;
    await writers.more(50);
    const told = await assertNothingLost(writers, network.running);
    t.diagnostic(`new leader after ${electedMs.toFixed(0)} ms; ${told} commits kept`);
    await replace(full);
  });

  test('a whole network that stops comes back from its files and goes on', async () => {
    const { network } = service;
    const writers = startWriters(service);
    await writers.more(50);
    await Promise.all(network.running.map(({ process }) => process.kill('SIGKILL')));
    const acknowledged = await writers.stop();
    assert.ok(acknowledged.length >= 50);
    await Promise.all(network.nodes.map(({ process }) => process.ended));
    const folders = [...new Set(network.nodes.map(({ index }) => index))];
    const ledgerOf = (index: number) => join(nodeFolder(service.folder, index), 'ledger');
    const [best, ...others] = byReach(folders.map((index) => reachOf(ledgerOf(index))));
    const indexOf = (reach: Reach | undefined) => folders.find((index) => ledgerOf(index) === reach?.folder)!;
    const first = await network.recover(indexOf(best));
    assertKept(best!.folder, acknowledged);
    await network.admit(
      ...(await Promise.all(others.slice(0, 2).map((other) => network.join(indexOf(other))))),
    );
    const again = startWriters(service);
    await again.more(50);
    await assertNothingLost(again, network.running);
    assertKept(join(first.process.folder, 'ledger'), acknowledged);
  });
});

// Five nodes; and nodes in network namespaces of their own, between which the network can be cut.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { LocalNode } from '../../apps/cli/src/dev/local-network.ts';
import { startWriters } from '../workloads/writers.ts';
import { Namespaces } from './namespaces.ts';
import {
  assertNothingLost,
  electionTimeoutMs,
  failOver,
  startNetwork,
  untilLed,
  untilLevel,
} from './network-driver.ts';

test('five nodes lose two leaders one after the other, and are made five again', {
  timeout: 400_000,
}, async (t) => {
  await using service = await startNetwork(5);
  const { network } = service;
  const writers = startWriters(service, 16);
  await writers.more(100);
  for (let round = 0; round < 2; round += 1) {
    const { electedMs, rounds } = await failOver(network, writers, ({ process }) => process.kill('SIGKILL'));
    t.diagnostic(`new leader after ${electedMs.toFixed(0)} ms`);
    assert.ok(electedMs < 1.5 * rounds * electionTimeoutMs, `${electedMs} ms, ${rounds} rounds`);
    await writers.more(100);
  }
  const gone = network.nodes.filter(({ process }) => !process.running);
  const joiners = await Promise.all(gone.map((_, i) => network.join(5 + i)));
  await network.admit(...joiners);
  for (const node of gone) await network.retire(node);
  await writers.more(100);
  t.diagnostic(`${await assertNothingLost(writers, network.running)} commits kept`);
  assert.equal(network.running.length, 5);
});

test('leaders are paused and woken ten times over, and nothing is lost', { timeout: 600_000 }, async (t) => {
  await using service = await startNetwork(3);
  const { network } = service;
  const writers = startWriters(service);
  await writers.more(50);
  for (let round = 0; round < 10; round += 1) {
    let slept: LocalNode | undefined;
    await failOver(network, writers, (leader) => {
      slept = leader;
      leader.process.kill('SIGSTOP');
    });
    slept?.process.kill('SIGCONT');
    await writers.more(20);
  }
  t.diagnostic(`${await assertNothingLost(writers, network.running)} commits kept`);
});

describe('nodes in network namespaces', { timeout: 600_000, skip: Namespaces.obstacle }, () => {
  /** Three nodes, each behind a link of its own that can be taken down. */
  async function start(t: TestContext) {
    const namespaces = new Namespaces(3);
    const resources = new AsyncDisposableStack();
    t.after(() => resources.disposeAsync());
    resources.use(namespaces);
    const service = await startNetwork(3, () => {}, {
      executable: (index) => namespaces.executable(index),
      address: (index) => `${namespaces.address(index)}:0`,
    });
    resources.use(service);
    return { namespaces, service };
  }

  test('a leader that is cut off from the others steps down, and follows them when the link is back', async (t) => {
    const { namespaces, service } = await start(t);
    const { network } = service;
    const writers = startWriters(service);
    await writers.more(50);
    const { leader } = await failOver(network, writers, ({ index }) => namespaces.cut(index));
    await writers.more(50);
    namespaces.mendAll();
    await untilLevel(network.running, 60_000);
    assert.equal(
      await untilLed(network.running),
      leader,
      'the one that comes back does not disturb the others',
    );
    t.diagnostic(`${await assertNothingLost(writers, network.running)} commits kept`);
  });

  test('without a majority nothing is committed, and everything goes on when the links are back', async (t) => {
    const { namespaces, service } = await start(t);
    const { network } = service;
    const writers = startWriters(service);
    await writers.more(50);
    const leader = await untilLed(network.running);
    for (const { index } of network.running) if (index !== leader.index) namespaces.cut(index);
    // Longer than a leader without a quorum goes on believing that it is one.
    await new Promise((resolve) => setTimeout(resolve, 3 * electionTimeoutMs));
    const before = writers.acknowledged.length;
    await new Promise((resolve) => setTimeout(resolve, electionTimeoutMs));
    assert.equal(writers.acknowledged.length, before, 'a minority acknowledges nothing');
    namespaces.mendAll();
    await writers.more(50);
    t.diagnostic(`${await assertNothingLost(writers, network.running)} commits kept`);
  });
});

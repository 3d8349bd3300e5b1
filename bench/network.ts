// Three nodes on this machine: what replication costs a write, how long they are without a leader, how fast a node that
// joins catches up, and how fast one recovers. Nodes and load share the cores.
import { rm } from 'node:fs/promises';
import { lastCommitted } from '@coco/client';
import type { LocalNode } from '../apps/cli/src/dev/local-network.ts';
import { failOver, untilLed } from '../tests/e2e/network-driver.ts';
import { measuredBundle, type Service, startService } from '../tests/workloads/service.ts';
import { startWriters } from '../tests/workloads/writers.ts';
import { load, type Target } from './load.ts';
import { type Result, table } from './result.ts';

/** The default. */
const electionTimeoutMs = 5_000;
/** The node that catches up entry by entry, without a snapshot. */
const lateIndex = 3;

/**
 * Runs the measurements one after the other; loads for `seconds` each, and writes on until there are `entries` in the
 * ledger, which the joiner and the recovery then replay: both should be faster than they were written.
 */
export async function run(seconds = 5, entries = 0): Promise<Result[]> {
  await using service = await startService({
    bundle: await measuredBundle(),
    nodes: 3,
    configure(configuration, index) {
      const command = configuration.command as { join?: object };
      if (index === lateIndex) command.join = { ...command.join, fetch_recent_snapshot: false };
    },
  });
  const leader = await untilLed(service.network.running);
  return [
    ...(await loads(service, leader, seconds)),
    ...(await fill(service, leader, entries)),
    ...(await catchUp(service)),
    ...(await loseLeader(service)),
    ...(await recover(service)),
  ];
}

function targetOf(service: Service, leader: LocalNode): Target {
  return {
    port: Number(new URL(leader.url).port),
    caFile: service.workspace.serviceCert,
    pinned: false,
  };
}

async function loads(service: Service, leader: LocalNode, seconds: number): Promise<Result[]> {
  const target = targetOf(service, leader);
  await load(target, { workload: 'post', connections: 32, seconds: 2 });
  const results: Result[] = [];
  for (const connections of [1, 32, 128]) {
    const { p50, p99, perSecond } = await load(target, { workload: 'post', connections, seconds });
    const name = `write, ${connections} connections`;
    results.push({ name, value: perSecond, unit: '/s' });
    results.push({ name: `${name}, median`, value: p50 / 1000, unit: 'ms' });
    results.push({ name: `${name}, p99`, value: p99 / 1000, unit: 'ms' });
  }
  const lone = await load(target, { workload: 'wait', connections: 1, seconds });
  const what = 'write answered when a quorum has committed it, with receipt, 1 connection';
  results.push({ name: `${what}, median`, value: lone.p50 / 1000, unit: 'ms', budget: 10 });
  results.push({ name: `${what}, p99`, value: lone.p99 / 1000, unit: 'ms' });
  return results;
}

/** Writes from 128 connections until the ledger has as many entries as asked for. */
async function fill(service: Service, leader: LocalNode, entries: number): Promise<Result[]> {
  const held = async () => (await lastCommitted(leader.session, 'node')).seqno;
  const before = await held();
  if (before >= entries) return [];
  const begun = performance.now();
  let after = before;
  while (after < entries) {
    await load(targetOf(service, leader), { workload: 'post', connections: 128, seconds: 10 });
    after = await held();
  }
  const perSecond = ((after - before) / (performance.now() - begun)) * 1000;
  return [{ name: `entries written until there were ${after}`, value: perSecond, unit: '/s' }];
}

/** A node joins without a snapshot and replays every entry there is. */
async function catchUp({ network }: Service): Promise<Result[]> {
  const { seqno } = await lastCommitted((await untilLed(network.running)).session, 'node');
  const joiner = await network.join(lateIndex);
  const begun = performance.now();
  const admitted = network.admit(joiner);
  const committed = () => lastCommitted(joiner.session, 'node').catch(() => ({ seqno: 0 }));
  while ((await committed()).seqno < seqno) await joiner.session.world.sleep(20);
  const ms = performance.now() - begun;
  await admitted;
  return [
    { name: `a node that joins has all ${seqno} entries`, value: ms / 1000, unit: 's' },
    { name: 'entries caught up, vote included', value: (seqno / ms) * 1000, unit: '/s' },
  ];
}

async function loseLeader(service: Service): Promise<Result[]> {
  const writers = startWriters(service, 8);
  await writers.more(50);
  const { committedMs, electedMs } = await failOver(service.network, writers, ({ process }) =>
    process.kill('SIGKILL'),
  );
  await writers.stop();
  return [
    {
      name: 'leader killed: a new one leads, in election timeouts',
      value: electedMs / electionTimeoutMs,
      unit: '',
      budget: 1.5,
    },
    { name: 'the same, until a client hears of a commit', value: committedMs / electionTimeoutMs, unit: '' },
  ];
}

/** All nodes are gone; the one that replayed everything brings the service back, shares of members included. */
async function recover({ network }: Service): Promise<Result[]> {
  const late = network.nodes.find(({ index }) => index === lateIndex)!;
  const { seqno } = await lastCommitted(late.session, 'node');
  await Promise.all(network.running.map(({ process }) => process[Symbol.asyncDispose]()));
  const begun = performance.now();
  await rm(`${late.process.folder}/snapshots`, { recursive: true, force: true });
  await network.recover(lateIndex);
  const ms = performance.now() - begun;
  return [
    { name: `service of ${seqno} entries recovered and open again`, value: ms / 1000, unit: 's' },
    { name: 'entries recovered, start, votes and shares included', value: (seqno / ms) * 1000, unit: '/s' },
  ];
}

if (import.meta.main) {
  const [seconds = 5, entries = 0] = process.argv.slice(2).map(Number);
  console.log(table(await run(seconds, entries)));
}

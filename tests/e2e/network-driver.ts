// Three nodes or more, each a process, under load; and what is done to them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConsensusOut } from '@coco/api';
import { get, lastCommitted } from '@coco/client';
import { parseChunkName } from '@coco/ledger';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import type { LocalNetwork, LocalNode } from '../../apps/cli/src/dev/local-network.ts';
import { reachOf } from '../../apps/cli/src/ledger/reach.ts';
import { type Service, type ServiceOptions, startService } from '../workloads/service.ts';
import { assertKept, type Writers } from '../workloads/writers.ts';

const root = join(import.meta.dirname, '../..');

/** Short enough for a test, long enough for a machine that is busy with other tests. */
export const electionTimeoutMs = 3_000;

/** Starts a service of so many nodes that runs the logging sample. */
export async function startNetwork(
  nodes: number,
  configure: (configuration: Record<string, unknown>, index: number) => void = () => {},
  places: Pick<ServiceOptions, 'address' | 'executable'> = {},
): Promise<Service> {
  const { bundle } = await buildBundle(join(root, 'samples/contracts/logging'));
  return startService({
    ...places,
    bundle,
    nodes,
    configure(configuration, index) {
      configuration.consensus = { election_timeout: `${electionTimeoutMs}ms`, message_timeout: '100ms' };
      configure(configuration, index);
    },
  });
}

/** The node that says of itself that it leads, in the latest view; undefined when none of them does. */
export async function leaderOf(nodes: readonly LocalNode[]): Promise<LocalNode | undefined> {
  const seen = await Promise.all(
    nodes.map(async (node) => {
      const found = await get<ConsensusOut>(node.session, '/node/consensus').catch(() => undefined);
      const leads = found?.details.leadership_state === 'Leader';
      return { node, view: leads ? found.details.current_view : 0 };
    }),
  );
  const [best] = seen.toSorted((a, b) => b.view - a.view);
  return best !== undefined && best.view > 0 ? best.node : undefined;
}

/** Resolves with the node that leads, once one of them does. */
export async function untilLed(nodes: readonly LocalNode[], waitMs = 30_000): Promise<LocalNode> {
  const deadline = performance.now() + waitMs;
  while (performance.now() < deadline) {
    const leader = await leaderOf(nodes);
    if (leader) return leader;
    await delay(5);
  }
  throw new Error(`none of ${nodes.length} nodes leads after ${waitMs / 1000} s`);
}

/** How long the others take, in ms from the loss of their leader, to a new one and to the next commit a client hears of. */
export interface Failover {
  readonly leader: LocalNode;
  /** How often somebody stood. Seldom two do at once and share the votes: then it takes another round. */
  readonly rounds: number;
  readonly electedMs: number;
  readonly committedMs: number;
}

async function viewOf({ session }: LocalNode): Promise<number> {
  return (await get<ConsensusOut>(session, '/node/consensus')).details.current_view;
}

/** Does something to the leader of a network under load, and waits until the others have gone on without it. */
export async function failOver(
  network: LocalNetwork,
  writers: Writers,
  lose: (leader: LocalNode) => void,
): Promise<Failover> {
  const lost = await untilLed(network.running);
  const before = await viewOf(lost);
  const others = network.running.filter((node) => node !== lost);
  const begun = performance.now();
  lose(lost);
  const leader = await untilLed(others);
  const electedMs = performance.now() - begun;
  const rounds = (await viewOf(leader)) - before;
  const { at } = await writers.next();
  return { leader, rounds, electedMs, committedMs: at - begun };
}

/** Resolves when nodes know as much to be committed as the furthest of them knew at the beginning. */
export async function untilLevel(nodes: readonly LocalNode[], waitMs = 30_000): Promise<void> {
  const deadline = performance.now() + waitMs;
  const known = async (node: LocalNode): Promise<number> => {
    for (;;) {
      // A connection of an earlier view is told so once, and closed.
      const txId = await lastCommitted(node.session, 'node').catch(() => undefined);
      if (txId !== undefined) return txId.seqno;
      assert.ok(performance.now() < deadline, `sandbox_${node.index} does not say what it has committed`);
    }
  };
  const wanted = Math.max(...(await Promise.all(nodes.map(known))));
  for (const node of nodes) {
    while ((await known(node)) < wanted) {
      assert.ok(performance.now() < deadline, `sandbox_${node.index} has not caught up to ${wanted}`);
      await delay(20);
    }
  }
}

/** Stops the writers and compares what they were told with the files of nodes that are level. */
export async function assertNothingLost(writers: Writers, nodes: readonly LocalNode[]): Promise<number> {
  const acknowledged = await writers.stop();
  await untilLevel(nodes);
  const last = Math.max(...acknowledged.map(({ transactionId }) => transactionId.seqno));
  for (const { process } of nodes) {
    const ledger = join(process.folder, 'ledger');
    // A backup may hear that an entry is committed before it has written it: others have.
    for (let tries = 0; reachOf(ledger).lastEntry < last && tries < 500; tries++) await delay(20);
    assertKept(ledger, acknowledged);
  }
  return acknowledged.length;
}

/** Lets the system refuse a node's writes beyond the present end of its ledger, as a full disk would. */
export function fillDisk({ process }: LocalNode): void {
  const ledger = join(process.folder, 'ledger');
  const open = readdirSync(ledger).find((file) => {
    const name = parseChunkName(file);
    return name !== undefined && name.end === undefined && !name.ignored;
  });
  // Once it is complete it has another name, and the next write begins a file.
  const found = open && statSync(join(ledger, open), { throwIfNoEntry: false });
  const bytes = found ? found.size : 0;
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes + 2_000}`]);
}

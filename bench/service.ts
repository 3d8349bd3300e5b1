// A whole service under load: the node on one core, the load on the other, over TLS, ledger encrypted and flushed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { recoverFiles } from '../tests/workloads/recovery.ts';
import { measuredBundle, type Service, startService } from '../tests/workloads/service.ts';
import { load, loadByTurns, type Target } from './load.ts';
import { type Result, table } from './result.ts';

const root = dirname(import.meta.dirname);

const connectionCounts = [1, 32, 128];

/** A script that starts the daemon on the first core alone. */
function pinnedExecutable(folder: string): string {
  const script = join(folder, 'pinned-node');
  writeFileSync(script, `#!/bin/sh\nexec taskset -c 0 "${root}/bin/coco-node" "$@"\n`);
  chmodSync(script, 0o755);
  return script;
}

/** Runs the loads one after the other; `seconds` each. */
export async function run(seconds = 5): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'coco-bench-'));
  try {
    await using service = await startService({
      bundle: await measuredBundle(),
      executable: pinnedExecutable(folder),
    });
    const target = { port: service.port, caFile: service.workspace.serviceCert };
    await load(target, { workload: 'post', connections: 32, seconds: 2 });
    const results: Result[] = [];
    const bare = await bareHttps(service, seconds);
    for (const [connections, perSecond] of bare) {
      results.push({
        name: `a bare https server of Node.js, ${connections} connections (yardstick)`,
        value: perSecond,
        unit: '/s',
      });
    }
    for (const workload of ['post', 'get']) {
      for (const connections of connectionCounts) {
        const { perSecond, p50, p99 } = await load(target, { workload, connections, seconds });
        const name = `${workload === 'post' ? 'write' : 'read'}, ${connections} connections`;
        results.push({ name, value: perSecond, unit: '/s' });
        results.push({
          name: `${name}: cost of one, in bare https answers`,
          value: (bare.get(connections) ?? Number.NaN) / perSecond,
          unit: '',
        });
        results.push({ name: `${name}, median`, value: p50 / 1000, unit: 'ms' });
        results.push({ name: `${name}, p99`, value: p99 / 1000, unit: 'ms' });
      }
    }
    results.push(...(await privateWrites(target, seconds)));
    const lone = await load(target, { workload: 'wait', connections: 1, seconds });
    results.push({
      name: 'write answered when committed, with receipt, 1 connection, median',
      value: lone.p50 / 1000,
      unit: 'ms',
      budget: 5,
    });
    results.push({ name: 'the same, p99', value: lone.p99 / 1000, unit: 'ms' });
    const many = await load(target, { workload: 'wait', connections: 32, seconds });
    results.push({
      name: 'write answered when committed, with receipt, 32 connections',
      value: many.perSecond,
      unit: '/s',
    });
    const spin = await load(target, { workload: 'spin', connections: 32, seconds });
    results.push({ name: 'loop of 200,000 iterations', value: spin.perSecond, unit: '/s' });
    results.push(...(await restart(service)));
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a private write costs over TLS, ledger and all, beside the same write that everybody may see. */
async function privateWrites(target: Target, seconds: number): Promise<Result[]> {
  const workloads = ['plain', 'ruled', 'sealed'];
  for (const workload of workloads) await load(target, { workload, connections: 128, seconds });
  const rounds = await loadByTurns(target, workloads, { connections: 128, seconds: 12 * seconds });
  const rate = (workload: string) => median(rounds.map((round) => round[workload] as number));
  const cost = (workload: string) =>
    median(rounds.map((round) => (round.plain as number) / (round[workload] as number)));
  return [
    { name: 'plain write of the same app, 128 connections', value: rate('plain'), unit: '/s' },
    { name: 'private by rule, 128 connections', value: rate('ruled'), unit: '/s' },
    { name: 'private, row sealed for its audience, 128 connections', value: rate('sealed'), unit: '/s' },
    { name: 'private by rule: cost of one, in plain ones', value: cost('ruled'), unit: '', budget: 1.3 },
    { name: 'private and sealed: cost of one, in plain ones', value: cost('sealed'), unit: '', budget: 1.3 },
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The same load on a server that does nothing, on the same core: answers a second by number of connections. */
async function bareHttps(service: Service, seconds: number): Promise<Map<number, number>> {
  const [member] = service.workspace.members;
  if (!member) throw new Error('the service has no member whose certificate could be borrowed');
  const server = spawn('taskset', [
    '-c',
    '0',
    join(root, 'bin/runtime'),
    join(root, 'bench/bare.ts'),
    member.cert,
    member.key,
  ]);
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    const target = { port: Number(port.toString()), caFile: member.cert };
    const rates = new Map<number, number>();
    for (const connections of connectionCounts) {
      rates.set(connections, (await load(target, { workload: 'post', connections, seconds })).perSecond);
    }
    return rates;
  } finally {
    server.kill();
  }
}

/** How long a node takes to bring the public ledger back, from its files alone. */
async function restart(service: Service): Promise<Result[]> {
  const { workspace } = service;
  service.node.kill('SIGKILL');
  await service.node.ended;
  const started = performance.now();
  const { startupSeqno } = await recoverFiles(service);
  const seconds = (performance.now() - started) / 1000;
  const bytes = readdirSync(join(workspace.node, 'ledger')).reduce(
    (sum, file) => sum + statSync(join(workspace.node, 'ledger', file)).size,
    0,
  );
  return [
    {
      name: `start by recovery of ${startupSeqno} entries (${Math.round(bytes / 1e6)} MB)`,
      value: seconds,
      unit: 's',
    },
    { name: 'recovered, start included', value: startupSeqno / seconds, unit: 'entries/s' },
  ];
}

if (import.meta.main) console.log(table(await run(Number(process.argv[2] ?? 5))));

// The closed loop of tests/workloads, as a process of its own.
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { LoadResult, TurnsResult } from '../tests/workloads/closed-loop.ts';

const root = dirname(import.meta.dirname);
const run = promisify(execFile);

/** What is sent, by how many connections, for how long. */
export interface Load {
  readonly workload: string;
  readonly connections: number;
  readonly seconds: number;
}

/** Where it is sent. */
export interface Target {
  readonly port: number;
  readonly caFile: string;
  /** Whether the load has the second core to itself; else the system decides. */
  readonly pinned?: boolean;
}

/** Sends a load and says how fast it was answered. */
export async function load(target: Target, { workload, ...how }: Load): Promise<LoadResult> {
  return (await send(target, [workload], how)) as LoadResult;
}

/** Sends several by turns and says how fast each was answered in each round. */
export async function loadByTurns(
  target: Target,
  workloads: readonly string[],
  how: Omit<Load, 'workload'>,
): Promise<TurnsResult['rounds']> {
  return ((await send(target, workloads, how)) as TurnsResult).rounds;
}

async function send(
  { caFile, pinned = true, port }: Target,
  workloads: readonly string[],
  how: Omit<Load, 'workload'>,
): Promise<unknown> {
  const options = { host: '127.0.0.1', port, caFile, workloads, ...how };
  const command = [
    join(root, 'bin/runtime'),
    join(root, 'tests/workloads/closed-loop.ts'),
    JSON.stringify(options),
  ];
  const { stdout } = await run('taskset', ['-c', pinned ? '1' : '0,1', ...command]);
  return JSON.parse(stdout);
}

import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { CliError } from '../errors.ts';

/** How a run of tests ended. */
export interface TestRun {
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly ms: number;
}

/**
 * Runs the tests of a contract (`*.test.ts`, `*.test.js`) with Node's own runner, in the runtime that the sandbox
 * needs. Each line of its report goes to `say`. Throws `Failed` when there are none.
 */
export async function runTests(folder: string, say: (line: string) => void): Promise<TestRun> {
  const files = globSync('**/*.test.{ts,js}', {
    cwd: folder,
    exclude: (path) => path.includes('node_modules'),
  });
  if (files.length === 0) throw new CliError('Failed', `${folder} has no tests: name one test/app.test.ts`);
  const start = performance.now();
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawn(
    process.execPath,
    ['--no-node-snapshot', '--test', '--test-reporter=spec', ...files.sort()],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: environment },
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const counts = new Map<string, number>();
  const read = (line: string) => {
    const [, name, count] = /^ℹ (pass|fail) (\d+)$/.exec(line) ?? [];
    if (name !== undefined) counts.set(name, Number(count));
    if (!line.startsWith('ℹ ')) say(line);
  };
  createInterface({ input: child.stdout }).on('line', read);
  createInterface({ input: child.stderr }).on('line', say);
  const code = await ended;
  return {
    ok: code === 0,
    passed: counts.get('pass') ?? 0,
    failed: counts.get('fail') ?? 0,
    ms: Math.round(performance.now() - start),
  };
}

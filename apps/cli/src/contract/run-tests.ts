import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CountedScript, coverageOf, type FileCoverage } from '@coco/contract-build';
import { CliError } from '../errors.ts';

/** How a run of tests ended. */
export interface TestRun {
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly ms: number;
  /** By file, when it was asked for. */
  readonly coverage?: readonly FileCoverage[];
}

/**
 * Runs the tests of a contract (`*.test.ts`, `*.test.js`) with Node's own runner, in the runtime that the sandbox
 * needs. Each line of its report goes to `say`. Throws `Failed` when there are none.
 */
export async function runTests(
  folder: string,
  say: (line: string) => void,
  options: { readonly coverage?: boolean } = {},
): Promise<TestRun> {
  const files = globSync('**/*.test.{ts,js}', {
    cwd: folder,
    exclude: (path) => path.includes('node_modules'),
  });
  if (files.length === 0) throw new CliError('Failed', `${folder} has no tests: name one test/app.test.ts`);
  const start = performance.now();
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  using counted = options.coverage === true ? temporaryFolder() : undefined;
  const counting = counted === undefined ? {} : { COCO_CONTRACT_COVERAGE: counted.path };
  const child = spawn(
    process.execPath,
    ['--no-node-snapshot', '--test', '--test-reporter=spec', ...files.sort()],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment, ...counting } },
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
    ...(counted === undefined ? {} : { coverage: coverageIn(counted.path, folder) }),
  };
}

/** What was counted, of the contract's own files. */
function coverageIn(counted: string, folder: string): readonly FileCoverage[] {
  const files = globSync('*.json', { cwd: counted });
  const scripts = files.flatMap(
    (file) => JSON.parse(readFileSync(join(counted, file), 'utf8')) as CountedScript[],
  );
  return coverageOf(scripts).filter(({ file }) => existsSync(join(folder, file)));
}

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'coco-coverage-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

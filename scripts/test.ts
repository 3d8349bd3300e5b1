// Runs type-check, lint and tests: `npm test`; with --slow only the long ones (`*.slow.test.ts`).
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const slow = process.argv.includes('--slow');

function run(title: string, command: string, args: string[]): void {
  console.log(`\n== ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`${title} failed`);
    process.exit(1);
  }
}

const patterns = [
  'packages/*/src/**/*.test.ts',
  'apps/*/src/**/*.test.ts',
  'samples/*/**/*.test.ts',
  'tests/**/*.test.ts',
];
const files = globSync(patterns, { cwd: root, exclude: (path) => path.includes('node_modules') })
  .filter((file) => file.endsWith('.slow.test.ts') === slow)
  .sort();

if (!slow) {
  run('Types', process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.']);
  run('Format and lint', process.execPath, [
    join('node_modules', '@biomejs', 'biome', 'bin', 'biome'),
    'check',
    '.',
  ]);
}
run(slow ? 'Slow tests' : 'Tests', process.execPath, [
  '--no-node-snapshot',
  '--test',
  '--test-reporter=spec',
  // Most files wait for processes of their own: one for each core, not one fewer, as would be usual. Slow ones measure.
  `--test-concurrency=${slow ? 1 : availableParallelism()}`,
  `--test-timeout=${slow ? 3_000_000 : 300_000}`,
  ...files,
]);

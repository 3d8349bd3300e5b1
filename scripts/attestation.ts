// One table of what attestation is held to: `npm run attestation`. Captured evidence is looked for beside the checkout.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateVectors, type Platform, type Roots, tees, type VectorRow } from '@coco/attestation';

const root = join(import.meta.dirname, '..');
const own = join(root, 'tests/vectors/attestation');
const captured = join(root, '../shared/data/attestation');

function rowsOf(folder: string, roots?: Roots): readonly VectorRow[] {
  if (!existsSync(join(folder, 'manifest.json'))) return [];
  const read = (name: string): Uint8Array | undefined => {
    const path = join(folder, name);
    return path.startsWith(`${folder}/`) && existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
  };
  return evaluateVectors(read, { clock: () => performance.now(), ...(roots && { roots }) });
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const aside = 'certificates, collateral and endorsements alone';
const platforms = Object.keys(tees) as Platform[];

/** A quote that was refused does not say whose it is; its folder does. */
function titleOf({ id, platform }: VectorRow): string {
  const known = [platform, id.split('/')[0]].find((name) => platforms.includes(name as Platform));
  const isAside = ['collateral', 'uvm', 'roots'].includes(platform);
  return known === undefined || isAside ? aside : tees[known as Platform].title;
}

function line(title: string, real: readonly VectorRow[], made: readonly VectorRow[]): string[] {
  const of = (rows: readonly VectorRow[], isMutated: boolean) =>
    rows.filter((row) => titleOf(row) === title && (row.mutation !== undefined) === isMutated);
  const count = (rows: readonly VectorRow[]) => `${rows.filter(({ ok }) => ok).length} of ${rows.length}`;
  const verified = of(real, false).filter(({ verdict }) => verdict === 'valid');
  const times = [...of(real, false), ...of(made, false)]
    .filter(({ verdict }) => verdict === 'valid')
    .flatMap(({ milliseconds }) => milliseconds ?? []);
  return [
    title,
    String(verified.length),
    count(of(real, false)),
    count(of(real, true)),
    count([...of(made, false), ...of(made, true)]),
    'own',
    `${median(times).toFixed(1)} ms`,
  ];
}

/** What the seeded tests of broken bytes say of themselves. */
function fuzzFigures(): string[] {
  const file = join(root, 'packages/attestation/src/fuzz.test.ts');
  const words = ['--no-node-snapshot', '--test', '--test-reporter=tap', file];
  const said = execFileSync(process.execPath, words, { encoding: 'utf8' });
  return [...said.matchAll(/^# (\d+ (?:inputs|flipped bits).*)$/gm)].map(([, figure = '']) => figure);
}

const real = rowsOf(captured);
const made = rowsOf(own, JSON.parse(readFileSync(join(own, 'roots.json'), 'utf8')) as Roots);
if (real.length === 0) process.stdout.write(`no captured evidence at ${captured}\n\n`);
const header = [
  'platform',
  'real verified',
  'real as expected',
  'real mutated',
  'own vectors',
  'code',
  'time',
];
const lines = [header, header.map(() => '---')];
for (const title of [...platforms.map((name) => tees[name].title), aside]) {
  lines.push(line(title, real, made));
}
for (const cells of lines) process.stdout.write(`| ${cells.join(' | ')} |\n`);
const all = [...real, ...made];
process.stdout.write(`\n${all.filter(({ ok }) => ok).length} of ${all.length} rows as expected\n`);
for (const figure of fuzzFigures()) process.stdout.write(`${figure}\n`);
process.exit(all.every(({ ok }) => ok) ? 0 : 1);

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileOf, ownFolder, ownRoots, readerOf } from './testing/folders.test.ts';
import { evaluateVectors, type VectorRow } from './vectors/evaluate.ts';

/** An entry of the manifest or of the mutations that says in which way it is bad. */
interface Tagged {
  readonly id?: string;
  readonly base?: string;
  readonly name?: string;
  readonly bad?: string;
}

const json = (name: string) => JSON.parse(new TextDecoder().decode(fileOf(ownFolder, name))) as unknown;
const { vectors } = json('manifest.json') as { readonly vectors: readonly Tagged[] };
const tagged = [...vectors, ...(json('mutations.json') as readonly Tagged[])].filter(
  ({ bad }) => bad !== undefined,
);

/** The table of the document: the check by what is bad, and by platform; a dash is none. */
function documented(): ReadonlyMap<string, string> {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/attestation.md'), 'utf8');
  const [table = ''] = /\| evidence that is [\s\S]*?\n\n/.exec(page) ?? [];
  const [head = [], , ...rows] = table
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
  return new Map(
    rows.flatMap(([bad, ...cells]) => cells.map((check, at) => [`${head[at + 1]} ${bad}`, check] as const)),
  );
}

test('bad input of every kind is refused on every platform, by the check that the document names', () => {
  const rows = evaluateVectors(readerOf(ownFolder), { roots: ownRoots() });
  const checks = new Map([...documented().keys()].map((cell) => [cell, '—']));
  for (const { id, base = id, name, bad } of tagged) {
    const isIt = (row: VectorRow) =>
      row.id === base && row.mutation === (id === undefined ? name : undefined);
    const cell = `${base?.split('/')[0]} ${bad}`;
    assert.equal(checks.get(cell), '—', `${cell}: one of each`);
    checks.set(cell, rows.find(isIt)?.failedCheck ?? 'accepted');
  }
  assert.deepEqual(checks, documented());
  assert.ok(checks.size >= 80);
});

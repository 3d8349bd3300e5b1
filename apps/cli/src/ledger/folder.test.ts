import assert from 'node:assert/strict';
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ChunkWriter } from '@coco/ledger';
import { place } from '../testing/place.ts';
import { listChunks, lookAt, readEntries } from './folder.ts';

const names = ['ledger_1', 'ledger_1-1', 'ledger_1-1.committed'] as const;

test('a chunk that a node renames meanwhile is found under its new names', () => {
  using here = place();
  const at = (name: string) => here.file(name);
  writeFileSync(at(names[0]), 'x');
  const [listed] = listChunks(here.directory);
  let next = 0;
  const { chunk, found } = lookAt(listed!, (path) => {
    if (next < 2) renameSync(at(names[next]!), at(names[++next]!));
    return statSync(path).size;
  });
  assert.deepEqual([chunk.file, chunk.name.committed, found], [names[2], true, 1]);
  rmSync(chunk.path);
  assert.throws(() => lookAt(listed!, (path) => statSync(path)), /ledger_1 was there .* and is gone/);
});

test('the entries of a folder are read while its chunks get other names', () => {
  using here = place();
  writeFileSync(here.file(names[0]), new ChunkWriter(1).openHeader);
  const items = readEntries(listChunks(here.directory));
  renameSync(here.file(names[0]), here.file(names[2]));
  assert.deepEqual(
    [...items].map((item) => (item.kind === 'corrupt' ? [item.file, item.reason] : item.kind)),
    [[names[2], 'chunk: file named as complete has no positions table (offset 0)']],
    'by the rules of the name that it has now',
  );
});

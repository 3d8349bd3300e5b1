import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { companiesIn, readFolder } from './documents.ts';

const own = join(import.meta.dirname, '../contracts/supply-chain/documents');

test("the sample's own documents are read in the order of their dates, what is none of them last", () => {
  const submissions = readFolder(own);
  const dates = submissions.map(({ document }) => document?.issueDate ?? '9999');
  assert.deepEqual(dates, dates.toSorted());
  assert.equal(companiesIn(submissions).length, 4);
});

test('a folder that holds nothing to submit is refused by name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coco-documents-'));
  try {
    assert.throws(() => readFolder(join(folder, 'none')), /there is no folder .*none/);
    mkdirSync(join(folder, 'folder.xml'));
    assert.throws(() => readFolder(folder), /holds no \.xml or \.json documents/);
    writeFileSync(join(folder, 'broken.xml'), '<Order');
    writeFileSync(join(folder, 'deep.json'), '['.repeat(100_000));
    assert.throws(() => readFolder(folder), /no document in .* names a buyer and a seller/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

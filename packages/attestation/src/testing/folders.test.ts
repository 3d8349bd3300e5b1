import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Roots } from '../trust.ts';
import type { ReadFile } from '../vectors/files.ts';

const root = join(import.meta.dirname, '../../../..');

/** The project's own vectors: see tests/vectors/attestation. */
export const ownFolder = join(root, 'tests/vectors/attestation');

/** What real processors and clouds issued; lies beside the checkout and is no part of it. */
export const capturedFolder = join(root, '../shared/data/attestation');

/** Why a test about captured evidence is skipped; undefined when the evidence is there. */
export const capturedAbsent = existsSync(capturedFolder)
  ? undefined
  : 'shared/data/attestation is not present beside the checkout';

/** Reads files of a folder. */
export function readerOf(folder: string): ReadFile {
  return (name) => {
    const path = join(folder, name);
    return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
  };
}

/** A file that must be there. */
export function fileOf(folder: string, name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(folder, name)));
}

/** The roots of the project's own vectors. */
export function ownRoots(): Roots {
  return JSON.parse(readFileSync(join(ownFolder, 'roots.json'), 'utf8')) as Roots;
}

test("the project's own vectors are there", () => {
  assert.ok(existsSync(join(ownFolder, 'manifest.json')));
  assert.equal(readerOf(ownFolder)('nothing'), undefined);
});

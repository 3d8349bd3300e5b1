import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ParcelFile } from '@coco/node';
import { ParcelFiles } from './parcel-files.ts';

const folders = ['a', 'b'].map((digit) => digit.repeat(40)) as [string, string];
const parcel = (folder: string, digit: string): ParcelFile => ({
  path: `${folder}/${digit.repeat(64)}`,
  bytes: new TextEncoder().encode(`parcel ${digit}`),
});

function opened(t: TestContext): { files: ParcelFiles; directory: string; complaints: string[] } {
  const root = mkdtempSync(join(tmpdir(), 'coco-parcels-'));
  t.after(() => rmSync(root, { recursive: true }));
  const complaints: string[] = [];
  const directory = join(root, 'ledger.parcels');
  return { directory, complaints, files: new ParcelFiles(directory, (what) => complaints.push(what)) };
}

const keep = (files: ParcelFiles, parcels: readonly ParcelFile[]) =>
  new Promise<string | undefined>((resolve) => files.keep(parcels, resolve));
const read = (files: ParcelFiles, paths: readonly string[]) =>
  new Promise<readonly ParcelFile[]>((resolve) => files.read(paths, resolve));
const list = (files: ParcelFiles, folder: string) =>
  new Promise<readonly string[]>((resolve) => files.list(folder, resolve));

test('parcels are kept, read and listed; those that are not there are left out', async (t) => {
  const { files, directory } = opened(t);
  const [one, two, other] = [parcel(folders[0], '2'), parcel(folders[0], '1'), parcel(folders[1], '3')];
  assert.deepEqual(await list(files, folders[0]), []);
  assert.equal(await keep(files, [one, two, other]), undefined);
  assert.deepEqual(await read(files, [one.path, parcel(folders[1], '4').path, other.path]), [one, other]);
  assert.deepEqual(await list(files, folders[0]), ['1'.repeat(64), '2'.repeat(64)]);
  assert.equal(statSync(join(directory, one.path)).mode & 0o077, 0, 'for the node alone');
  // Another life of the node.
  const later = new ParcelFiles(directory, assert.fail);
  assert.deepEqual(await read(later, [two.path]), [two]);
});

test('dropped are folders whole and parcels one by one, after what was kept before', async (t) => {
  const { files, directory } = opened(t);
  const parcels = [parcel(folders[0], '1'), parcel(folders[1], '2'), parcel(folders[1], '3')];
  void keep(files, parcels);
  files.drop({ folder: folders[0] });
  files.drop({ paths: [parcels[1]!.path] });
  files.drop({ folder: 'c'.repeat(40) });
  await files.idle();
  assert.deepEqual(readdirSync(directory), [folders[1]]);
  assert.deepEqual(await list(files, folders[1]), ['3'.repeat(64)]);
});

test('a directory that cannot be written is told, and nothing outside of it is touched', async (t) => {
  const { files, directory, complaints } = opened(t);
  writeFileSync(directory, 'in the way');
  assert.match((await keep(files, [parcel(folders[0], '1')])) ?? '', /ENOTDIR|EEXIST/);
  assert.match(
    (await keep(files, [{ path: '../escape', bytes: new Uint8Array() }])) ?? '',
    /no path of a parcel/,
  );
  files.drop({ folder: '..' });
  await files.idle();
  assert.match(complaints.join(), /no folder of parcels/);
});

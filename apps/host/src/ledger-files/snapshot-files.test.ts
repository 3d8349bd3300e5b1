import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { SnapshotChoice } from '@coco/node';
import { SnapshotFiles, type SnapshotPart } from './snapshot-files.ts';

/** Two directories: one to write to, one that was lent; each file holds its own name. */
function directories(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'coco-snapshots-'));
  t.after(() => rmSync(root, { recursive: true }));
  const [own, lent] = [join(root, 'own'), join(root, 'lent')];
  for (const [folder, names] of [
    [own, ['snapshot_100_105.committed', 'snapshot_300_305', 'snapshot_50_51.committed', 'notes.txt']],
    [lent, ['snapshot_200_203.committed', 'snapshot_100_105.committed']],
  ] as const) {
    mkdirSync(folder);
    for (const name of names) writeFileSync(join(folder, name), `${folder === own ? 'own' : 'lent'} ${name}`);
  }
  return { own, lent };
}

function read(
  files: SnapshotFiles,
  choice: SnapshotChoice,
  range = { from: 0, to: Number.POSITIVE_INFINITY },
): Promise<SnapshotPart> {
  return new Promise((resolve) => files.read(choice, range, resolve));
}

const refuse = (error: Error) => assert.fail(error);
const text = ({ bytes }: SnapshotPart) => new TextDecoder().decode(bytes);

describe('snapshots are read', () => {
  const choices: [string, SnapshotChoice, string | null][] = [
    ['the newest of all directories', { newestBefore: 1000 }, 'lent snapshot_200_203.committed'],
    ['the newest below a seqno', { newestBefore: 200 }, 'own snapshot_100_105.committed'],
    ['by name', { name: 'snapshot_50_51' }, 'own snapshot_50_51.committed'],
    ['none below the oldest', { newestBefore: 50 }, null],
    ['none that is not committed', { name: 'snapshot_300_305' }, null],
    ['none by a name that leads elsewhere', { name: '../own/snapshot_50_51' }, null],
  ];
  for (const [what, choice, expected] of choices) {
    test(what, async (t) => {
      const { own, lent } = directories(t);
      const found = await read(new SnapshotFiles(own, lent, refuse), choice);
      assert.equal(found.name, expected && /snapshot_\d+_\d+/.exec(expected)![0]);
      assert.equal(text(found), expected ?? '');
      assert.equal(found.size, expected?.length ?? 0);
    });
  }

  const ranges: [number, number, string][] = [
    [0, 3, 'own'],
    [4, 12, 'snapshot'],
    [19, 1000, 'committed'],
    [30, 40, ''],
  ];
  for (const [from, to, expected] of ranges) {
    test(`from byte ${from} to ${to}`, async (t) => {
      const { own } = directories(t);
      const files = new SnapshotFiles(own, null, refuse);
      const found = await read(files, { name: 'snapshot_50_51' }, { from, to });
      assert.deepEqual([found.size, text(found)], [28, expected]);
    });
  }

  test('as soon as they are committed', async (t) => {
    const { own } = directories(t);
    const files = new SnapshotFiles(own, null, refuse);
    files.write('snapshot_400_401', new TextEncoder().encode('state, '), () => {});
    files.commit('snapshot_400_401', new TextEncoder().encode('receipt'));
    assert.equal(text(await read(files, { newestBefore: 1000 })), 'state, receipt');
  });

  test('from a directory that is not there: none', async () => {
    assert.equal(
      (await read(new SnapshotFiles('/nowhere/at/all', null, refuse), { newestBefore: 9 })).name,
      null,
    );
  });
});

// A new version of the code, taken by a consortium that goes on working: old and new nodes side by side, one after the other.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { get } from '@coco/client';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import type { LocalNode } from '../../apps/cli/src/dev/local-network.ts';
import { nodeExecutable } from '../../apps/cli/src/dev/node-process.ts';
import { nodeFolder } from '../../apps/cli/src/dev/workspace.ts';
import { startService } from '../workloads/service.ts';
import { startWriters } from '../workloads/writers.ts';
import { assertNothingLost, electionTimeoutMs, untilLed } from './network-driver.ts';

const root = join(import.meta.dirname, '../..');
const oldNodes = 3;
/** Folders of nodes that ask to join and must not be let in. */
const [tooEarly, tooLate] = [3, 7];

/** The daemon with one file more. Its libraries are this checkout's, which is what a test can afford. */
function nextVersion(folder: string): string {
  for (const part of ['bin', 'package.json', 'package-lock.json', 'apps/host']) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'apps/host/src/news.ts'), '// What the next version brings.\n');
  return join(folder, 'bin/coco-node');
}

/** The constitution's actions with those for virtual nodes. */
function constitutionWith(folder: string): string {
  const scripts = ['default', 'virtual'].map((name) =>
    readFileSync(join(root, 'samples/constitutions', name, 'actions.js'), 'utf8'),
  );
  writeFileSync(join(folder, 'actions.js'), scripts.join('\n'));
  return folder;
}

/** What a node says of its code. */
async function codeOf({ session }: LocalNode): Promise<string> {
  const { raw } = await get<{ raw: string }>(session, '/node/quotes/self');
  const { host_data } = JSON.parse(Buffer.from(raw, 'base64').toString()) as { host_data: string };
  return host_data;
}

/** The digest of a version that has yet to run. */
async function digestOf(folder: string): Promise<string> {
  const source = join(folder, 'apps/host/src/process/code-digest.ts');
  const { codeDigest } = (await import(source)) as { codeDigest(): string };
  return codeDigest();
}

test('a service changes its code node by node, while clients write', { timeout: 240_000 }, async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'coco-upgrade-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const next = nextVersion(join(place, 'next'));
  const { bundle } = await buildBundle(join(root, 'samples/contracts/logging'));
  await using service = await startService({
    bundle,
    nodes: oldNodes,
    constitution: [constitutionWith(place), join(root, 'samples/constitutions/sandbox')],
    executable: (index) => (index < oldNodes || index === tooLate ? nodeExecutable : next),
    configure(configuration) {
      configuration.consensus = { election_timeout: `${electionTimeoutMs}ms`, message_timeout: '100ms' };
    },
  });
  const { network, workspace } = service;

  const refused = async (index: number): Promise<void> => {
    await assert.rejects(async () => {
      const { process } = await network.join(index);
      await process.ended;
      throw process.died();
    }, /ended with code 1/);
    const log = readFileSync(join(nodeFolder(workspace.folder, index), 'out'), 'utf8');
    assert.match(log, /InvalidQuote/);
  };

  const olds = [...network.running];
  const code = { old: await codeOf(olds[0]!), next: await digestOf(join(place, 'next')) };
  await refused(tooEarly);
  await network.decide([{ name: 'add_virtual_host_data', args: { host_data: code.next } }]);

  let told = 0;
  for (const [i, old] of olds.entries()) {
    const joiner = await network.join(tooEarly + 1 + i);
    await network.admit(joiner);
    // They know the nodes that run now, of which there will be others at the end.
    const writers = startWriters(service);
    await writers.more(20);
    const led = (await untilLed(network.running)) === old;
    const begun = performance.now();
    old.process.kill('SIGTERM');
    await old.process.ended;
    if (led) {
      await untilLed(network.running);
      const ms = performance.now() - begun;
      assert.ok(ms < electionTimeoutMs / 2, `handed over within ${ms} ms`);
      t.diagnostic(`the primary stopped and another one led after ${ms.toFixed(0)} ms`);
    }
    await network.retire(old);
    await writers.more(20);
    told += await assertNothingLost(writers, network.running);
  }

  await network.decide([{ name: 'remove_virtual_host_data', args: { host_data: code.old } }]);
  await refused(tooLate);
  assert.equal(network.running.length, oldNodes);
  for (const node of network.running) assert.equal(await codeOf(node), code.next);
  const writers = startWriters(service);
  await writers.more(20);
  told += await assertNothingLost(writers, network.running);
  t.diagnostic(`${told} commits kept`);
});

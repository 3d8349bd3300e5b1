// The daemon as one folder: the same on every machine, measured, and a whole node.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { get } from '@coco/client';
import { measuredBundle, startService } from '../workloads/service.ts';

const root = join(import.meta.dirname, '../..');

describe('a bundle of the daemon', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'coco-bundle-'));
  let measurement: string;
  after(() => rmSync(folder, { recursive: true }));

  /** Bundles from another place, at another hour of the day. */
  function bundle(name: string, cwd: string, TZ: string): string {
    const words = [join(root, 'scripts/bundle.ts'), join(folder, name)];
    const env = { ...process.env, TZ };
    const said = execFileSync(process.execPath, words, { cwd, env, encoding: 'utf8' });
    return /measurement ([0-9a-f]{64})/.exec(said)?.[1] ?? assert.fail(said);
  }

  before(() => {
    measurement = bundle('one', root, 'UTC');
  });

  test('has the same measurement whenever and wherever it is made', () => {
    assert.equal(bundle('two', folder, 'Asia/Tokyo'), measurement);
  });

  test('names no path of the machine that made it', () => {
    const code = readFileSync(join(folder, 'one/coco-node.mjs'), 'latin1');
    assert.ok(!code.includes(root));
  });

  test('runs a service with a contract, and its node states the measurement', async () => {
    const executable = join(folder, 'one/coco-node');
    await using service = await startService({ executable, bundle: await measuredBundle() });
    const { raw } = await get<{ raw: string }>(service.session(), '/node/quotes/self');
    const statement = JSON.parse(Buffer.from(raw, 'base64').toString()) as { host_data: string };
    assert.equal(statement.host_data, measurement);
    const answer = await service.session(0).request({
      method: 'POST',
      path: '/app/log/private',
      json: { id: 1, msg: 'from a bundle' },
    });
    assert.equal(answer.status, 200, Buffer.from(answer.body).toString());
  });
});

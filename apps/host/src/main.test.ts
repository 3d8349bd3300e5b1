import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { minimalConfiguration } from './testing/door.ts';

const executable = join(import.meta.dirname, '../../../bin/coco-node');

interface Ending {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(cwd: string, ...args: string[]): Promise<Ending> {
  const child = spawn(executable, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (piece: Buffer) => {
    texts.out += piece;
  });
  child.stderr.on('data', (piece: Buffer) => {
    texts.err += piece;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...texts })));
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'coco-main-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

describe('coco-node', () => {
  test('tells its version and its options', async (t) => {
    const cwd = folder(t);
    const [version, help] = await Promise.all([run(cwd, '--version'), run(cwd, '--help')]);
    assert.match(version.out, /^coco-node \d+\.\d+\.\d+\n$/);
    assert.match(help.out, /--config FILE/);
    assert.deepEqual([version.code, help.code], [0, 0]);
  });

  test('checks a configuration without starting anything', async (t) => {
    const cwd = folder(t);
    writeFileSync(join(cwd, 'good.json'), JSON.stringify({ ...minimalConfiguration({}), worker_threads: 3 }));
    writeFileSync(join(cwd, 'bad.json'), JSON.stringify({ ...minimalConfiguration({}), worker_thread: 3 }));
    const [good, bad] = await Promise.all([
      run(cwd, '--config', 'good.json', '--check'),
      run(cwd, '--config', 'bad.json', '--check'),
    ]);
    assert.deepEqual(good, {
      code: 0,
      out: 'worker_threads is accepted but has no effect\ngood.json is valid\n',
      err: '',
    });
    assert.deepEqual(bad, { code: 1, out: '', err: 'coco-node: bad.json: worker_thread: no such field\n' });
  });

  test('waits for its configuration when told to, and says what is missing', async (t) => {
    const cwd = folder(t);
    const waiting = run(cwd, '--config', 'late.json', '--config-timeout', '30s', '--check');
    const missing = await run(cwd, '--config', 'never.json', '--config-timeout', '1ms');
    assert.equal(missing.code, 1);
    assert.match(missing.err, /^coco-node: never\.json: cannot be read: ENOENT/);
    writeFileSync(join(cwd, 'late.json'), JSON.stringify(minimalConfiguration({})));
    assert.equal((await waiting).code, 0);
  });

  test('reads named files from the working directory and says which is missing', async (t) => {
    const cwd = folder(t);
    writeFileSync(join(cwd, 'config.json'), JSON.stringify(minimalConfiguration({})));
    const { code, err } = await run(cwd, '--config', 'config.json');
    assert.equal(code, 1);
    assert.match(err, /^coco-node: constitution\.js: cannot be read/);
  });
});

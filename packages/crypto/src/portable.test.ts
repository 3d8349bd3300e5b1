import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backend } from '#backend';

/** What a browser would run: the whole suite of the room once more, with the backend that the `browser` condition gives. */
const skip = backend.name === 'portable' && 'this is that run';
const here = import.meta.dirname;
const files = readdirSync(here, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => !['portable.test.ts', join('backend', 'backend.test.ts')].includes(file));

test('without node:crypto every test of the room passes as well', { skip }, () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['--conditions=browser', '--test', ...files.map((file) => join(here, file))];
  const { status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  assert.equal(status, 0, stdout.slice(-4000));
  assert.match(stdout, /fail 0/);
});

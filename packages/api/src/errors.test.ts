import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorBody, errorCatalogue, parseErrorBody, statusOf } from './errors.ts';

const recordings = join(import.meta.dirname, '../../../../shared/data/ccf-wire');

test('no code is listed twice', () => {
  const codes = errorCatalogue.map(([code]) => code);
  assert.deepEqual(codes, [...new Set(codes)]);
});

test('a refusal round-trips', () => {
  const body = errorBody('InvalidAuthenticationInfo', 'Invalid authentication credentials.', [
    { auth_policy: 'jwt', code: 'InvalidAuthenticationInfo', message: 'Missing authorization header' },
  ]);
  assert.deepEqual(parseErrorBody(JSON.parse(JSON.stringify(body))), body);
  assert.equal(statusOf('InvalidAuthenticationInfo'), 401);
});

test('what is not a refusal is not read as one', () => {
  for (const json of [null, 'error', {}, { error: null }, { error: 'no' }, { error: { code: 7 } }]) {
    assert.equal(parseErrorBody(json), undefined);
  }
});

test('every error that a real CCF answered with is in the catalogue under that status', (t) => {
  let files: string[];
  try {
    files = readdirSync(recordings, { recursive: true, encoding: 'utf8' });
  } catch {
    t.skip('recorded exchanges not present');
    return;
  }
  const known = new Map<string, readonly number[]>(errorCatalogue.map(([code, all]) => [code, all]));
  let seen = 0;
  for (const file of files.filter((name) => name.endsWith('.res'))) {
    const [head = '', body = ''] = readFileSync(join(recordings, file), 'latin1').split('\r\n\r\n', 2);
    if (!body.startsWith('{"error"')) continue;
    const error = parseErrorBody(JSON.parse(body));
    assert.ok(error, file);
    const status = Number(head.split(' ', 2)[1]);
    assert.ok(known.get(error.error.code)?.includes(status), `${file}: ${error.error.code} with ${status}`);
    seen += 1;
  }
  assert.ok(seen > 20, `only ${seen} errors among the recordings`);
});

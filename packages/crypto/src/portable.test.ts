import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { rolldown } from 'rolldown';
import { backend } from '#backend';

/**
 * The tests below which the backend lies, once more as a browser would run them: by the `browser` condition.
 */
const files = [
  'aes.test.ts',
  'attestation-data.test.ts',
  'ccf-wire.test.ts',
  'cose.test.ts',
  'hash.test.ts',
  'jwk.test.ts',
  'key-wrap.test.ts',
  'keys.test.ts',
  'sealing-key.test.ts',
  'sign.test.ts',
  'x509/certificate.test.ts',
  'x509/csr.test.ts',
];
const skip = backend.name === 'portable' && 'this is that run';

test('keys, signatures, certificates, COSE and receipts are the same without node:crypto', { skip }, () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = [
    '--conditions=browser',
    '--test',
    '--test-isolation=none',
    ...files.map((file) => join(import.meta.dirname, file)),
  ];
  const { status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  assert.equal(status, 0, stdout.slice(-4000));
  assert.match(stdout, /fail 0/);
});

test('a bundle for browsers is complete and asks nothing of Node.js', { skip }, async () => {
  const input = join(import.meta.dirname, 'index.ts');
  const warnings: string[] = [];
  const bundle = await rolldown({
    input,
    platform: 'browser',
    onLog: (_, { message }) => warnings.push(message),
  });
  const { output } = await bundle.generate({ format: 'esm' });
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    output.map(({ type }) => type),
    ['chunk'],
  );
  const [{ code, imports }] = output;
  assert.deepEqual(imports, []);
  assert.doesNotMatch(code, /node:crypto|\brequire\(/);
});

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateKeyPair } from '../keys.ts';
import { createCsr, parseCsr, verifyCsr } from './csr.ts';

const key = generateKeyPair('P-384');
const subjectAltNames = [{ dns: 'node.example' }, { ip: '10.0.0.7' }];
const csr = createCsr({ subject: 'CN=CCF Node', key, subjectAltNames });

test('a request says what was asked for, and verifies', () => {
  for (const again of [csr, parseCsr(csr.pem), parseCsr(csr.der)]) {
    assert.equal(verifyCsr(again), again);
    assert.equal(again.subject, 'CN=CCF Node');
    assert.equal(again.publicKey.id, key.publicKey.id);
    assert.deepEqual(again.subjectAltNames, subjectAltNames);
  }
});

test('a request without names has none', () => {
  for (const kind of ['P-256', 'P-521', 'Ed25519'] as const) {
    const plain = createCsr({ subject: 'CN=x', key: generateKeyPair(kind === 'Ed25519' ? { kind } : kind) });
    assert.deepEqual(verifyCsr(plain).subjectAltNames, []);
  }
});

test('a changed byte is noticed, wherever it is', () => {
  for (let at = 4; at < csr.der.length; at += 7) {
    assert.throws(() => verifyCsr(parseCsr(csr.der.with(at, csr.der[at]! ^ 1))), { name: 'CryptoError' });
  }
});

const openssl = spawnSync('openssl', ['version']).status === 0;
test('OpenSSL verifies it, and its own are read', { skip: !openssl && 'openssl is not installed' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'csr-'));
  try {
    const file = join(folder, 'key.pem');
    writeFileSync(file, key.exportPem());
    execFileSync('openssl', ['req', '-verify', '-noout'], {
      input: csr.pem,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const wish = ['-subj', '/CN=by openssl', '-addext', 'subjectAltName=DNS:a.example'];
    const made = parseCsr(
      execFileSync('openssl', ['req', '-new', '-key', file, ...wish], { encoding: 'utf8' }),
    );
    assert.equal(verifyCsr(made).subject, 'CN=by openssl');
    assert.deepEqual(made.subjectAltNames, [{ dns: 'a.example' }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

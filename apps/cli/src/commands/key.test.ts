import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { importPrivateKey, importPublicKey, parseCertificate, verifyIssuedBy } from '@coco/crypto';
import { place } from '../testing/place.ts';

test("keys have the names that CCF's generator gives them, and secrets are for their owner", async () => {
  using here = place();
  const { code, value } = await here.json(
    'key',
    'generate',
    'member0',
    '--encryption',
    '--directory',
    'keys',
  );
  assert.equal(code, 0);
  const read = (name: string) => readFileSync(here.file(`keys/member0_${name}.pem`), 'utf8');
  const certificate = parseCertificate(read('cert'));
  assert.equal(value.id, certificate.id);
  assert.equal(certificate.subject, 'CN=member0');
  verifyIssuedBy(certificate, certificate);
  assert.equal(importPrivateKey(read('privk')).publicKey.id, certificate.publicKey.id);
  assert.equal(importPrivateKey(read('enc_privk')).publicKey.id, importPublicKey(read('enc_pubk')).id);
  for (const name of ['privk', 'enc_privk']) {
    assert.equal(statSync(here.file(`keys/member0_${name}.pem`)).mode & 0o077, 0);
  }
});

for (const [name, curve] of [
  ['secp384r1', 'P-384'],
  ['P-521', 'P-521'],
  ['p-256', 'P-256'],
] as const) {
  test(`--curve ${name} makes a key on ${curve}`, async () => {
    using here = place();
    await here.coco('key', 'generate', 'user0', '--curve', name);
    const certificate = parseCertificate(readFileSync(here.file('user0_cert.pem'), 'utf8'));
    assert.equal(certificate.publicKey.curve, curve);
    const { out } = await here.coco('key', 'id', 'user0_cert.pem');
    assert.equal(out, `${certificate.id}\n`);
  });
}

test('a key that is there is not overwritten', async () => {
  using here = place();
  await here.coco('key', 'generate', 'user0');
  const { code, error } = await here.coco('key', 'generate', 'user0');
  assert.equal(code, 1);
  assert.match(error, /exists already/);
});

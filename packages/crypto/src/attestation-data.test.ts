import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { parseSign1, verifySign1 } from './cose.ts';
import { parseCertificate, splitPemBundle, verifyIssuedBy } from './x509/certificate.ts';
import { verifyChain } from './x509/chain.ts';
import { parseCrl, verifyCrl } from './x509/crl.ts';

/** What real processors and clouds issue; lies beside the checkout and is no part of it. */
const samples = new URL('../../../../shared/data/attestation/', import.meta.url);

function present(t: TestContext): boolean {
  if (existsSync(samples)) return true;
  t.skip('shared/data/attestation is not present beside the checkout');
  return false;
}
const bytes = (name: string) => new Uint8Array(readFileSync(new URL(name, samples)));
const text = (name: string) => readFileSync(new URL(name, samples), 'utf8');

for (const product of ['milan', 'genoa', 'turin']) {
  test(`the chain of an AMD ${product} processor verifies (RSASSA-PSS, then P-384)`, (t) => {
    if (!present(t)) return;
    const [ask, ark] = splitPemBundle(text(`snp/roots/${product}_ask_ark_asvk.pem`));
    const version = product === 'turin' ? 'v5' : 'v3';
    const vcek = parseCertificate(text(`snp/${product}-${version}/vcek.pem`));
    verifyIssuedBy(vcek, ask!);
    verifyIssuedBy(ask!, ark!);
    verifyIssuedBy(ark!, ark!);
    assert.throws(() => verifyIssuedBy(vcek, ark!), { code: 'NotIssuedBy' });
    assert.ok([...vcek.extensions.keys()].some((oid) => oid.startsWith('1.3.6.1.4.1.3704.1.')));
  });
}

test('Intel chains and revocation lists verify', (t) => {
  if (!present(t)) return;
  const folder = 'sgx/v3-untrusted-root';
  const root = parseCertificate(text(`${folder}/trustedRootCaCert.pem`));
  const [processor] = splitPemBundle(text(`${folder}/pckSignChain.pem`));
  const pck = parseCertificate(text(`${folder}/pckCert.pem`));
  assert.equal(verifyChain([pck, processor!], [root]).length, 3);
  const rootCrl = verifyCrl(parseCrl(bytes(`${folder}/rootCaCrl.der`)), root);
  const crl = verifyCrl(parseCrl(bytes(`${folder}/intermediateCaCrl.der`)), processor!);
  assert.ok(crl.nextUpdate! > crl.thisUpdate);
  assert.equal(rootCrl.revoked.has(processor!.serial), false);
  assert.throws(() => verifyCrl(crl, root), { code: 'NotIssuedBy' });
  const changed = crl.der.with(crl.der.length - 9, crl.der.at(-9)! ^ 1);
  assert.throws(() => verifyCrl(parseCrl(changed), processor!), { name: 'CryptoError' });
  for (let length = 0; length < crl.der.length; length += 7) {
    assert.throws(() => parseCrl(crl.der.subarray(0, length)), { name: 'CryptoError' });
  }
});

test('endorsements of Azure utility machines verify against the chain they carry', (t) => {
  if (!present(t)) return;
  for (const file of globSync('snp/**/*.cose', { cwd: samples })) {
    const message = parseSign1(bytes(file));
    const chain = (message.protected.get(33) as Uint8Array[]).map((der) => parseCertificate(der));
    verifyChain(chain, [chain.at(-1)!]);
    assert.ok(verifySign1(message, chain[0]!.publicKey).length > 0, file);
  }
});

test('AWS Nitro documents are COSE without a tag', (t) => {
  if (!present(t)) return;
  for (const file of globSync('nitro/*.cose', { cwd: samples })) {
    assert.throws(() => parseSign1(bytes(file)), { code: 'MalformedCose' });
    assert.equal(parseSign1(bytes(file), 'optional').protected.get(1), -35);
  }
});

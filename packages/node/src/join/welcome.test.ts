import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCsr, generateKeyPair, toBase64 } from '@coco/crypto';
import type { NodeIdentity } from '../identity.ts';
import { type JoinRequest, signEncryptionKey, verifiedEncryptionKey } from './request.ts';
import { openSecrets, sealSecrets } from './welcome.ts';

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

function node(): NodeIdentity {
  const key = generateKeyPair('P-256');
  const encryptionKey = generateKeyPair({ kind: 'RSA', bits: 2048 });
  const csr = createCsr({ subject: 'CN=node', key, subjectAltNames: [] });
  return { key, id: key.publicKey.id, encryptionKey, selfSignedPem: '', csr };
}

describe('the secrets of a service', () => {
  const serviceKey = generateKeyPair('P-256');
  const joiner = node();
  const other = node();
  const ledgerSecrets = [
    { from: 1, raw: random(32) },
    { from: 40, raw: random(32) },
  ];
  const reader = { nodeId: joiner.id, encryptionKey: joiner.encryptionKey.publicKey };
  const sealed = sealSecrets({ serviceKey, ledgerSecrets, lostSecrets: [30] }, reader, random);

  test('open for the node they were sealed to', () => {
    const opened = openSecrets(sealed, joiner, serviceKey.publicKey);
    assert.deepEqual(opened.ledgerSecrets, ledgerSecrets);
    assert.equal(opened.serviceKey.publicKey.id, serviceKey.publicKey.id);
  });

  test('do not open for another, as another, or as those of another service', () => {
    const code = { code: 'JoinRefused' };
    assert.throws(() => openSecrets(sealed, other, serviceKey.publicKey), code);
    assert.throws(() => openSecrets(sealed, { ...joiner, id: other.id }, serviceKey.publicKey), code);
    assert.throws(() => openSecrets(sealed, joiner, other.key.publicKey), code);
    for (const cut of ['', 'AA==', sealed.slice(0, 100)]) {
      assert.throws(() => openSecrets(cut, joiner, serviceKey.publicKey), code);
    }
  });

  test('are sealed to no key that the node has not signed', () => {
    const request = {
      public_encryption_key: joiner.encryptionKey.publicKey.pem,
      encryption_key_signature: signEncryptionKey(joiner),
    } as JoinRequest;
    assert.equal(verifiedEncryptionKey(request, joiner.key.publicKey).id, joiner.encryptionKey.publicKey.id);
    assert.throws(() => verifiedEncryptionKey(request, other.key.publicKey));
    const swapped = { ...request, public_encryption_key: other.encryptionKey.publicKey.pem };
    assert.throws(() => verifiedEncryptionKey(swapped, joiner.key.publicKey));
    const unsigned = { ...request, encryption_key_signature: toBase64(random(70)) };
    assert.throws(() => verifiedEncryptionKey(unsigned, joiner.key.publicKey));
  });
});

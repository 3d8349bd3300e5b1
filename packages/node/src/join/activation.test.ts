import assert from 'node:assert/strict';
import { createDecipheriv, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { tpmQuoteInfo } from '@coco/attestation';
import { fromBase64, generateKeyPair, issueCertificate, rsaOaepUnwrap, sha256, toBase64 } from '@coco/crypto';
import type { QuoteInfo } from '@coco/governance';
import { type Activation, type ActivationChallenge, ActivationDesk } from './activation.ts';
import type { JoinRequest } from './request.ts';

const vectors = new URL('../../../../tests/vectors/attestation/tpm/', import.meta.url);
const publicArea = (key: 'ecc' | 'rsa') =>
  new Uint8Array(readFileSync(new URL(`${key}/ak.tpmtpub`, vectors)));
const nameOf = (area: Uint8Array) => Buffer.concat([Buffer.from('000b', 'hex'), sha256(area)]);

/** Evidence of a key; what it quotes is not looked at before the TPM has answered. */
function evidenceOf(attestationKey: Uint8Array): QuoteInfo {
  const nothing = new Uint8Array(0);
  const quote = { attest: nothing, signature: nothing, pcrs: [] };
  return tpmQuoteInfo({ platform: 'tpm', quote, attestationKey }, '');
}

const endorsementKey = generateKeyPair({ kind: 'RSA', bits: 2048 });
const { pem: certificates } = issueCertificate({
  subject: 'CN=endorsement key',
  publicKey: endorsementKey.publicKey,
  issuerKey: endorsementKey,
  issuerCert: 'self',
  notBefore: 0,
  notAfter: 1e12,
  serial: Uint8Array.of(1),
});

/** TPM2_ActivateCredential, as the TPM of that endorsement key does it (TPM 2.0 Library, part 1, 24). */
function secretIn({ id_object, encrypted_seed }: ActivationChallenge, name: Uint8Array): Uint8Array {
  const label = new TextEncoder().encode('IDENTITY\0');
  const seed = rsaOaepUnwrap(endorsementKey, fromBase64(encrypted_seed).subarray(2), label);
  const info = Buffer.concat([
    Buffer.from('\0\0\0\x01STORAGE\0', 'latin1'),
    name,
    Buffer.from('00000080', 'hex'),
  ]);
  const key = createHmac('sha256', seed).update(info).digest().subarray(0, 16);
  const encrypted = fromBase64(id_object).subarray(2 + 2 + 32);
  const decipher = createDecipheriv('aes-128-cfb', key, Buffer.alloc(16));
  return new Uint8Array(Buffer.concat([decipher.update(encrypted), decipher.final()])).subarray(2);
}

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const joiner = 'ab'.repeat(32);
const area = publicArea('ecc');

function ask(
  desk: ActivationDesk,
  secret?: Uint8Array,
  who = joiner,
  info = evidenceOf(area),
): Activation | undefined {
  const activation = { certificates, ...(secret === undefined ? {} : { secret: toBase64(secret) }) };
  return desk.judge(who, { quote_info: info, activation } as JoinRequest);
}

function challengeOf(activation: Activation | undefined): ActivationChallenge {
  assert.ok(activation?.kind === 'challenged');
  return activation.challenge;
}

describe('a joiner with a certified endorsement key', () => {
  test('is challenged, and activated when its TPM knows what was in the credential', () => {
    const desk = new ActivationDesk(random);
    const secret = secretIn(challengeOf(ask(desk)), nameOf(area));
    const activated = ask(desk, secret);
    assert.ok(activated?.kind === 'activated');
    assert.deepEqual(activated.activation, {
      certificates,
      endorsement_key: endorsementKey.publicKey.id,
      attestation_key: nameOf(area).toString('hex'),
    });
  });

  test('is challenged again by another primary, and for another secret, joiner or key', () => {
    const desk = new ActivationDesk(random);
    const secret = secretIn(challengeOf(ask(desk)), nameOf(area));
    const kinds = [
      ask(new ActivationDesk(random), secret),
      ask(desk, sha256(secret)),
      ask(desk, secret, 'cd'.repeat(32)),
      ask(desk, secret, joiner, evidenceOf(publicArea('rsa'))),
    ].map((answer) => answer?.kind);
    assert.deepEqual(kinds, Array(4).fill('challenged'));
  });

  test('is refused when its keys cannot be read', () => {
    const desk = new ActivationDesk(random);
    const asked = (quote_info: QuoteInfo, pem: string) =>
      desk.judge(joiner, { quote_info, activation: { certificates: pem } } as JoinRequest);
    const curved = generateKeyPair('P-256');
    const elliptic = issueCertificate({
      subject: 'CN=EK',
      publicKey: curved.publicKey,
      issuerKey: curved,
      issuerCert: 'self',
      notBefore: 0,
      notAfter: 1e12,
      serial: Uint8Array.of(1),
    });
    const refusals = [
      asked({ format: 'Insecure_Virtual', quote: 'e30=', endorsements: '' }, certificates),
      asked(evidenceOf(area.subarray(1)), certificates),
      asked(evidenceOf(area), 'no certificate'),
      asked(evidenceOf(area), elliptic.pem),
    ].map((answer) => answer?.kind);
    assert.deepEqual(refusals, Array(4).fill('refused'));
  });

  test('that shows none is not asked', () => {
    const request = { quote_info: evidenceOf(area) } as JoinRequest;
    assert.equal(new ActivationDesk(random).judge(joiner, request), undefined);
  });
});

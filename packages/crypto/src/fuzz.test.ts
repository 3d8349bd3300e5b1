import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { parseSign1, signSign1, verifySign1 } from './cose.ts';
import { bytesOf } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { type Jwk, privateKeyFromJwk, privateKeyToJwk, publicKeyFromJwk } from './jwk.ts';
import { generateKeyPair, importPrivateKey, importPublicKey } from './keys.ts';
import { decodePem, encodePem, singlePem } from './pem.ts';
import { SealingKey } from './sealing-key.ts';
import { combineShares, sampleSecret, splitSecret } from './share.ts';
import { ecdsaFromDer, signEcdsa, verifyEcdsa } from './sign.ts';
import { parseCertificate, verifyIssuedBy } from './x509/certificate.ts';
import { createCsr, parseCsr, verifyCsr } from './x509/csr.ts';
import { issueCertificate } from './x509/issue.ts';

/*
 * Every reader of hostile bytes, given rubbish and damaged good input: it answers or throws a CryptoError,
 * soon. The seed is fixed, so that a failure is the same failure tomorrow.
 */
const seed = 20261123;
const key = generateKeyPair('P-256');
const data = Uint8Array.of(1, 2, 3);
const certificate = issueCertificate({
  subject: 'CN=x',
  publicKey: key.publicKey,
  issuerKey: key,
  issuerCert: 'self',
  notBefore: 0,
  notAfter: 1_000_000,
  subjectAltNames: [{ dns: 'x.example' }, { ip: '::1' }],
  isCa: true,
  serial: data,
});
const cbor = encodeCbor(
  new Map<string, never>([['a', [1, -1, 1.5, 'text', data, new Map([[1, null]])] as never]]),
);
const signature = signEcdsa(key, data, { hash: 'SHA-256', format: 'der' });
const counter = (() => {
  let drawn = 0;
  return (length: number) => new Uint8Array(length).fill(++drawn);
})();
const [share, other] = splitSecret(sampleSecret(counter), { threshold: 2, count: 2, random: counter });

const sealingKey = new SealingKey(new Uint8Array(32));
const sealed = sealingKey.seal('', 'content', counter);

const readers: [name: string, good: Uint8Array, read: (bytes: Uint8Array) => unknown][] = [
  ['CBOR', cbor, (bytes) => decodeCbor(bytes)],
  ['CBOR in any form', cbor, (bytes) => decodeCbor(bytes, 'any')],
  [
    'COSE_Sign1',
    signSign1({ protected: new Map([['x', 1]]), payload: data }, key),
    (bytes) => verifySign1(parseSign1(bytes), key.publicKey),
  ],
  ['certificate', certificate.der, (bytes) => verifyIssuedBy(parseCertificate(bytes), certificate)],
  [
    'request',
    createCsr({ subject: 'CN=x', key, subjectAltNames: [{ dns: 'y' }] }).der,
    (bytes) => verifyCsr(parseCsr(bytes)),
  ],
  ['public key', key.publicKey.spki, (bytes) => importPublicKey(bytes)],
  [
    'signature',
    signature,
    (bytes) => verifyEcdsa(key.publicKey, bytes, data, { hash: 'SHA-256', format: 'der' }),
  ],
  ['signature, P-521', signature, (bytes) => ecdsaFromDer(bytes, 'P-521')],
  ['sealed message', bytesOf(sealed), (bytes) => sealingKey.open('', Buffer.from(bytes).toString('latin1'))],
  ['share', share!, (bytes) => combineShares([bytes, other!], 2)],
];

/** Answers, or throws a CryptoError, within a second. */
function mustBehave(read: () => unknown): void {
  const start = performance.now();
  try {
    read();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
  }
  assert.ok(performance.now() - start < 1000, 'took longer than a second');
}

type Damage = { at: number; remove: number; insert: Uint8Array };
const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(),
  remove: fc.nat(4),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom(0x30, 0x80, 0xff, 0x9f, 0x5f).map((byte) => Uint8Array.of(byte)),
  ),
});

function damaged(good: Uint8Array, damages: Damage[]): Uint8Array {
  let bytes = good;
  for (const { at, remove, insert } of damages) {
    const start = at % (bytes.length + 1);
    bytes = Uint8Array.from([...bytes.subarray(0, start), ...insert, ...bytes.subarray(start + remove)]);
  }
  return bytes;
}

for (const [name, good, read] of readers) {
  test(`${name}: damaged input and rubbish`, () => {
    read(good);
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) =>
        mustBehave(() => read(damaged(good, damages))),
      ),
      { seed, numRuns: 150 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => mustBehave(() => read(bytes))),
      { seed, numRuns: 100 },
    );
  });

  test(`${name}: cut short anywhere`, () => {
    const step = Math.ceil(good.length / 60);
    for (let length = 0; length < good.length; length += step)
      mustBehave(() => read(good.subarray(0, length)));
  });
}

test('elements nested in elements do not exhaust the stack', () => {
  const deep = (opening: number[], times: number) =>
    Uint8Array.from({ length: opening.length * times }, (_, i) => opening[i % opening.length]!);
  for (const opening of [
    [0x30, 0x80],
    [0x24, 0x80],
    [0xa0, 0x80],
    [0x30, 0x82, 0xff, 0xf0],
    [0x81],
    [0xa1, 0x00],
    [0xd8, 0x18],
  ]) {
    for (const [, , read] of readers) mustBehave(() => read(deep(opening, 15_000)));
  }
  // Well-formed all the way down, within the bounds of size: octet strings that hold octet strings.
  let nested: number[] = [];
  while (nested.length < 60_000) {
    const length = nested.length;
    nested = length < 128 ? [0x04, length, ...nested] : [0x04, 0x82, length >> 8, length & 255, ...nested];
    if (nested.length > 2000)
      nested = [0x04, 0x82, nested.length >> 8, nested.length & 255, ...nested, ...nested];
    if (nested.length > 30_000) break;
  }
  mustBehave(() => parseCertificate(Uint8Array.from(nested)));
});

const text = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc
    .tuple(
      fc.constantFrom(certificate.pem, key.publicKey.pem, key.exportPem()),
      fc.nat(),
      fc.string({ maxLength: 4 }),
    )
    .map(([pem, at, insert]) => {
      const start = at % pem.length;
      return pem.slice(0, start) + insert + pem.slice(start + 2);
    }),
);
test('PEM: damaged texts and rubbish', () => {
  fc.assert(
    fc.property(text, (pem) => {
      mustBehave(() => decodePem(pem));
      mustBehave(() => parseCertificate(pem));
      mustBehave(() => importPublicKey(pem));
      mustBehave(() => importPrivateKey(pem));
    }),
    { seed, numRuns: 150 },
  );
  mustBehave(() => decodePem('-----BEGIN A-----\n'.repeat(50_000)));
  mustBehave(() => decodePem('-----BEGIN '.repeat(90_000)));
  mustBehave(() => decodePem(`-----BEGIN A${' '.repeat(900_000)}`));
});

test('private keys: damaged inside', () => {
  const { der } = singlePem(key.exportPem(), 'PRIVATE KEY');
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 2 }), (damages) => {
      const pem = encodePem('PRIVATE KEY', damaged(der, damages));
      mustBehave(() => importPrivateKey(pem));
    }),
    { seed, numRuns: 150 },
  );
});

test('JWK: any members of any type', () => {
  const good = privateKeyToJwk(key);
  const value = fc.oneof(
    fc.constantFrom(...Object.values(good), 'RSA', 'OKP', 'Ed25519', 'P-521'),
    fc.string(),
    fc.integer(),
    fc.constant(null),
  );
  const members = ['kty', 'crv', 'x', 'y', 'd', 'n', 'e', 'p', 'q', 'dp', 'dq', 'qi'];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...members), value), (changes) => {
      const jwk = { ...good, ...changes } as unknown as Jwk;
      mustBehave(() => publicKeyFromJwk(jwk));
      mustBehave(() => privateKeyFromJwk(jwk));
    }),
    { seed, numRuns: 200 },
  );
});

import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { RSAPublicKey } from '@peculiar/asn1-rsa';
import { backend } from '#backend';
import { pointBytes } from './curves.ts';
import { serializeDer } from './der.ts';
import { concatBytes, fromBase64Url, toHex } from './encoding.ts';
import { ecPkcs8, rsaSpki } from './key-info.ts';
import { generateKeyPair, importPrivateKey, importPublicKey } from './keys.ts';
import { encodePem } from './pem.ts';

/** RSA private keys are not used outside Node.js. */
const kinds = ['P-256', 'P-384', 'P-521', 'Ed25519', 'X25519', 'RSA'] as const;
const here = kinds.filter((kind) => kind !== 'RSA' || backend.name === 'node');

function generate(kind: (typeof kinds)[number]) {
  if (kind === 'RSA') return generateKeyPair({ kind, bits: 2048 });
  return generateKeyPair(kind === 'Ed25519' || kind === 'X25519' ? { kind } : kind);
}

for (const kind of here) {
  describe(`a ${kind} key`, () => {
    const key = generate(kind);

    test('comes back from its PEM the same', () => {
      const again = importPrivateKey(key.exportPem());
      assert.equal(again.exportPem(), key.exportPem());
      assert.equal(again.publicKey.id, key.publicKey.id);
      assert.equal(importPublicKey(key.publicKey.pem).id, key.publicKey.id);
      assert.equal(importPublicKey(key.publicKey.spki).pem, key.publicKey.pem);
      assert.match(key.publicKey.id, /^[0-9a-f]{64}$/);
    });

    test('is what OpenSSL takes it for', () => {
      const native = createPrivateKey(key.exportPem());
      assert.equal(native.export({ format: 'pem', type: 'pkcs8' }), key.exportPem());
    });

    test('shows in no output', () => {
      const jwk = createPrivateKey(key.exportPem()).export({ format: 'jwk' });
      const secret = fromBase64Url(jwk.d!);
      const shown =
        inspect(key, { showHidden: true, depth: 9, maxArrayLength: null }) +
        JSON.stringify(key) +
        String(key);
      const digits = Array.from(secret.subarray(0, 6));
      assert.doesNotMatch(shown, /PRIVATE|BEGIN/);
      assert.equal(shown.includes(digits.join(', ')), false);
      assert.equal(shown.includes(digits.join(',')), false);
      assert.equal(shown.includes(toHex(secret).slice(0, 12)), false);
      assert.equal(shown.includes(jwk.d!.slice(0, 10)), false);
    });
  });
}

test('keys in the older forms of OpenSSL are read', () => {
  for (const namedCurve of ['prime256v1', 'secp384r1', 'secp521r1']) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve });
    const sec1 = privateKey.export({ format: 'pem', type: 'sec1' }).toString();
    const parameters = encodePem('EC PARAMETERS', Uint8Array.of(0x06, 0x01, 0x00));
    const pkcs8 = privateKey.export({ format: 'pem', type: 'pkcs8' });
    assert.equal(importPrivateKey(sec1).exportPem(), pkcs8);
    assert.equal(importPrivateKey(parameters + sec1).exportPem(), pkcs8);
  }
});

test('RSA keys in PKCS#1 form are read', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ format: 'pem', type: 'pkcs1' }).toString();
  const spki = publicKey.export({ format: 'pem', type: 'spki' });
  assert.equal(importPublicKey(pem).pem, spki);
  assert.deepEqual(importPublicKey(pem).type, { kind: 'RSA', bits: 2048 });
  const secret = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
  if (backend.name === 'node') assert.equal(importPrivateKey(secret).publicKey.pem, spki);
  else assert.throws(() => importPrivateKey(secret), { code: 'Unsupported' });
});

test('keys of kinds that have no use here are refused by name', () => {
  const unsupported = { name: 'CryptoError', code: 'Unsupported' };
  const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const ed448 = generateKeyPairSync('ed448');
  for (const { publicKey, privateKey } of [koblitz, ed448]) {
    const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
    assert.throws(() => importPublicKey(pem), unsupported);
    const secret = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    assert.throws(() => importPrivateKey(secret), unsupported);
  }
});

test('what is no key is refused, and the message quotes none of it', () => {
  const { publicKey } = generateKeyPair('P-256');
  const refused: [string, () => unknown][] = [
    ['an empty text', () => importPrivateKey('')],
    ['a public key', () => importPrivateKey(publicKey.pem)],
    ['a private key', () => importPublicKey(generateKeyPair('P-256').exportPem())],
    ['an encrypted key', () => importPrivateKey(encodePem('ENCRYPTED PRIVATE KEY', Uint8Array.of(0x30, 0)))],
    ['bytes after the key', () => importPublicKey(concatBytes(publicKey.spki, Uint8Array.of(0)))],
    ['a key cut short', () => importPublicKey(publicKey.spki.subarray(0, -1))],
    [
      'secret-looking rubbish',
      () => importPrivateKey(encodePem('PRIVATE KEY', new TextEncoder().encode('hunter2'))),
    ],
  ];
  for (const [what, read] of refused) {
    assert.throws(read, (error: Error & { code: string }) => {
      assert.match(error.code, /^(InvalidKey|InvalidEncoding|MalformedDer)$/, what);
      assert.doesNotMatch(error.message + inspect(error), /hunter2|aHVudGVyMg/);
      return true;
    });
  }
});

test('an RSA modulus that would take seconds to use is refused', () => {
  const modulus = new Uint8Array(2048).fill(0xff);
  const pkcs1 = serializeDer(
    new RSAPublicKey({
      modulus: concatBytes(Uint8Array.of(0), modulus).buffer,
      publicExponent: Uint8Array.of(3).buffer,
    }),
  );
  assert.throws(() => importPublicKey(rsaSpki(pkcs1)), { code: 'Unsupported' });
  assert.throws(() => generateKeyPair({ kind: 'RSA', bits: 1024 }), { name: 'CryptoError' });
  assert.throws(() => generateKeyPair({ kind: 'RSA', bits: 65536 }), { name: 'CryptoError' });
});

test('a private key that carries the public part of another is refused', () => {
  for (const curve of ['P-256', 'P-384'] as const) {
    const [mine, other] = [generateKeyPair(curve), generateKeyPair(curve)];
    const scalar = fromBase64Url(createPrivateKey(mine.exportPem()).export({ format: 'jwk' }).d!);
    const mixed = ecPkcs8(curve, scalar, other.publicKey.spki.subarray(-pointBytes(curve)));
    assert.throws(() => importPrivateKey(encodePem('PRIVATE KEY', mixed)), { code: 'InvalidKey' });
  }
});

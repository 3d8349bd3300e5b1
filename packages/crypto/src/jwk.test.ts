import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, test } from 'node:test';
import { backend } from '#backend';
import type { KeySpec } from './backend/backend.ts';
import {
  eddsaJwkToPem,
  eddsaPemToJwk,
  type Jwk,
  jwkToPem,
  pemToJwk,
  privateKeyFromJwk,
  pubEddsaJwkToPem,
  pubEddsaPemToJwk,
  pubJwkToPem,
  publicKeyFromJwk,
  pubPemToJwk,
  pubRsaJwkToPem,
  pubRsaPemToJwk,
  rsaJwkToPem,
  rsaPemToJwk,
} from './jwk.ts';
import { generateKeyPair } from './keys.ts';

interface Family {
  specs: KeySpec[];
  toPublic(pem: string, kid?: string): Jwk;
  toPrivate(pem: string, kid?: string): Jwk;
  fromPublic(jwk: Jwk): string;
  fromPrivate(jwk: Jwk): string;
}
const families: Record<string, Family> = {
  EC: {
    specs: [
      { kind: 'EC', curve: 'P-256' },
      { kind: 'EC', curve: 'P-384' },
      { kind: 'EC', curve: 'P-521' },
    ],
    toPublic: pubPemToJwk,
    toPrivate: pemToJwk,
    fromPublic: pubJwkToPem,
    fromPrivate: jwkToPem,
  },
  RSA: {
    specs: backend.name === 'node' ? [{ kind: 'RSA', bits: 2048 }] : [],
    toPublic: pubRsaPemToJwk,
    toPrivate: rsaPemToJwk,
    fromPublic: pubRsaJwkToPem,
    fromPrivate: rsaJwkToPem,
  },
  OKP: {
    specs: [{ kind: 'Ed25519' }, { kind: 'X25519' }],
    toPublic: pubEddsaPemToJwk,
    toPrivate: eddsaPemToJwk,
    fromPublic: pubEddsaJwkToPem,
    fromPrivate: eddsaJwkToPem,
  },
};

for (const [kty, family] of Object.entries(families)) {
  for (const spec of family.specs) {
    describe(JSON.stringify(spec), () => {
      const key = generateKeyPair(spec);
      const [pem, publicPem] = [key.exportPem(), key.publicKey.pem];

      test('its JWK is the one that OpenSSL writes', () => {
        assert.deepEqual(
          { ...family.toPrivate(pem) },
          { ...createPrivateKey(pem).export({ format: 'jwk' }) },
        );
        assert.deepEqual(
          { ...family.toPublic(publicPem) },
          { ...createPublicKey(publicPem).export({ format: 'jwk' }) },
        );
      });

      test('it comes back from its JWK the same', () => {
        assert.equal(family.fromPrivate(family.toPrivate(pem)), pem);
        assert.equal(family.fromPublic(family.toPublic(publicPem)), publicPem);
        assert.equal(family.fromPublic(family.toPrivate(pem)), publicPem);
      });

      test('a kid is kept', () => {
        assert.equal(family.toPublic(publicPem, 'mine').kid, 'mine');
        assert.equal(family.toPrivate(pem, 'mine').kid, 'mine');
        assert.equal(family.toPrivate(pem).kid, undefined);
      });

      test('the functions for other kinds refuse it', () => {
        for (const [otherType, other] of Object.entries(families)) {
          if (otherType === kty) continue;
          assert.throws(() => other.toPrivate(pem), { code: 'InvalidKey' });
          assert.throws(() => other.toPublic(publicPem), { code: 'InvalidKey' });
          assert.throws(() => other.fromPrivate(family.toPrivate(pem)), { code: 'MalformedJwk' });
          assert.throws(() => other.fromPublic(family.toPublic(publicPem)), { code: 'MalformedJwk' });
        }
      });

      test('no member may be missing, of another type or badly written', () => {
        const jwk = family.toPrivate(pem);
        for (const name of Object.keys(jwk)) {
          for (const bad of [undefined, 7, null, {}, '', '=', 'AAA=', '\u0100']) {
            assert.throws(() => privateKeyFromJwk({ ...jwk, [name]: bad } as Jwk), {
              name: 'CryptoError',
              code: /^(MalformedJwk|Unsupported)$/,
            });
          }
        }
      });

      test('a private part with the public part of another key is refused', () => {
        const other = family.toPublic(generateKeyPair(spec).publicKey.pem);
        assert.throws(() => privateKeyFromJwk({ ...family.toPrivate(pem), ...other }), {
          code: 'InvalidKey',
        });
      });
    });
  }
}

test('the Ed25519 key of RFC 8037 is the Ed25519 key of RFC 8032', () => {
  const key = privateKeyFromJwk({
    kty: 'OKP',
    crv: 'Ed25519',
    d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  });
  assert.equal(
    key.publicKey.spki.subarray(-32).toHex(),
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
});

test('a point that is not on its curve is refused', () => {
  const jwk = pubPemToJwk(generateKeyPair('P-256').publicKey.pem);
  assert.throws(() => publicKeyFromJwk({ ...jwk, x: jwk.y! }), { code: 'InvalidKey' });
});

test('kinds and curves that have no use here are refused by name', () => {
  for (const jwk of [{ kty: 'oct' }, { kty: 'EC', crv: 'secp256k1' }, { kty: 'OKP', crv: 'Ed448' }]) {
    assert.throws(() => publicKeyFromJwk(jwk), { code: 'Unsupported' });
    assert.throws(() => privateKeyFromJwk(jwk), { code: 'Unsupported' });
  }
});

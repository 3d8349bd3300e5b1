import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  generateKeyPair,
  publicKeyToJwk,
  signEcdsa,
  signRsaPkcs1,
  toBase64,
  toBase64Url,
} from '@coco/crypto';
import { Store, type Tx } from '@coco/kv';
import fc from 'fast-check';
import { removeJwtSigningKeys, setJwtSigningKeys } from '../jwt-keys.ts';
import { jwtSigningKeys } from '../tables/jwt.ts';
import { testNow } from '../testing/people.ts';
import { readWire, wireJson, wireMissing } from '../testing/wire.ts';
import { authenticate } from './authenticate.ts';

const rsa = generateKeyPair({ kind: 'RSA', bits: 2048 });
const ec = generateKeyPair('P-256');
const other = generateKeyPair('P-256');
const now = Math.floor(testNow / 1000);
const issuer = 'https://issuer.example.com';
const entra = 'https://login.microsoftonline.com/{tenantid}/v2.0';

function tables(): Tx {
  const tx = new Store().begin();
  setJwtSigningKeys(tx, issuer, [publicKeyToJwk(rsa.publicKey, 'rsa'), publicKeyToJwk(ec.publicKey, 'ec')]);
  setJwtSigningKeys(tx, 'https://other.example.com', [publicKeyToJwk(other.publicKey, 'ec')]);
  setJwtSigningKeys(tx, 'https://sub.corp.example', [
    { ...publicKeyToJwk(ec.publicKey, 'constrained'), issuer: 'https://corp.example' },
  ]);
  setJwtSigningKeys(tx, 'https://login.microsoftonline.com/common', [
    { ...publicKeyToJwk(ec.publicKey, 'entra'), issuer: entra },
  ]);
  return tx;
}

const encode = (value: unknown): string => toBase64Url(new TextEncoder().encode(JSON.stringify(value)));

function token(header: Record<string, unknown>, payload: Record<string, unknown>, key = ec): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  const data = new TextEncoder().encode(signed);
  const signature =
    key.kind === 'RSA'
      ? signRsaPkcs1(key, data, { hash: 'SHA-256' })
      : signEcdsa(key, data, { hash: 'SHA-256', format: 'p1363' });
  return `${signed}.${toBase64Url(signature)}`;
}

function ask(authorization: string | undefined, tx = tables(), at = testNow) {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  return authenticate(tx, ['jwt'], { headers, body: new Uint8Array(0), certificate: null }, at);
}

function reason(authorization: string | undefined): string | undefined {
  const result = ask(authorization);
  return result.kind === 'refused' ? result.details?.[0]?.message : undefined;
}

const es = { alg: 'ES256', kid: 'ec' };
const claims = { iss: issuer, exp: now + 60 };

describe('bearer tokens', () => {
  test('RS256 and ES256 by installed keys are admitted, and say under which issuer', () => {
    const payload = { ...claims, nbf: now, aud: 'app' };
    for (const [header, key] of [
      [{ alg: 'RS256', kid: 'rsa', typ: 'JWT' }, rsa],
      [es, ec],
    ] as const) {
      assert.deepEqual(ask(`Bearer ${token(header, payload, key)}`), {
        kind: 'authenticated',
        caller: { policy: 'jwt', jwt: { keyIssuer: issuer, header, payload } },
      });
    }
  });

  test('with several keys under one id, the one that verifies names the issuer', () => {
    const result = ask(`Bearer ${token(es, claims, other)}`);
    assert.ok(result.kind === 'authenticated');
    assert.equal(
      (result.caller as { jwt: { keyIssuer: string } }).jwt.keyIssuer,
      'https://other.example.com',
    );
  });

  const good = token(es, claims);
  const [head, body, signature] = good.split('.') as [string, string, string];
  const refusals: readonly [string, string | undefined, RegExp][] = [
    ['no header', undefined, /^Missing authorization header$/],
    ['one word', 'Bearer', /^Authorization header only contains one field$/],
    ['another scheme', `Basic ${good}`, /^Authorization header does not have Bearer scheme$/],
    ['two parts', `Bearer ${head}.${body}`, /^Malformed JWT: must contain exactly 3 parts$/],
    ['four parts', `Bearer ${good}.x`, /^Malformed JWT: must contain exactly 3 parts$/],
    ['text that is not base64url', `Bearer !!.${body}.${signature}`, /not valid JSON/],
    ['a header that is an array', `Bearer ${encode([])}.${body}.${signature}`, /not valid JSON/],
    ['alg none', `Bearer ${encode({ alg: 'none', kid: 'ec' })}.${body}.`, /alg must be RS256 or ES256/],
    ['a symmetric alg', `Bearer ${token({ alg: 'HS256', kid: 'ec' }, claims)}`, /alg must be RS256 or ES256/],
    ['an inherited alg', `Bearer ${token({ alg: 'toString', kid: 'ec' }, claims)}`, /alg must be/],
    [
      'an alg that does not go with the key',
      `Bearer ${token({ alg: 'RS256', kid: 'ec' }, claims)}`,
      /^Signature/,
    ],
    ['no kid', `Bearer ${token({ alg: 'ES256' }, claims)}`, /kid must be text/],
    ['no exp', `Bearer ${token(es, { iss: issuer })}`, /missing required field: exp/],
    ['no iss', `Bearer ${token(es, { exp: now + 60 })}`, /missing required field: iss/],
    [
      'an unknown kid',
      `Bearer ${token({ alg: 'ES256', kid: 'zz' }, claims)}`,
      /^JWT signing key not found for kid zz$/,
    ],
    ['a signature by somebody else', `Bearer ${token(es, claims, generateKeyPair('P-256'))}`, /^Signature/],
    ['a changed payload', `Bearer ${head}.${encode({ ...claims, admin: true })}.${signature}`, /^Signature/],
    [
      'an nbf of the next second',
      `Bearer ${token(es, { ...claims, nbf: now + 1 })}`,
      /is before token's Not Before \(nbf\) claim/,
    ],
    [
      'an exp of the last second',
      `Bearer ${token(es, { ...claims, exp: now - 1 })}`,
      /is after token's Expiration Time \(exp\) claim/,
    ],
  ];
  for (const [name, authorization, expected] of refusals) {
    test(`${name} is refused`, () => assert.match(reason(authorization) ?? 'admitted', expected));
  }

  test('whatever stands in the header, it is refused and nothing is thrown', () => {
    const part = fc.oneof(fc.string(), fc.constantFrom(head, body, signature, '', 'e30', 'bnVsbA', 'WzFd'));
    const header = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 5 }).map((parts) => `Bearer ${parts.join('.')}`),
    );
    const tx = tables();
    fc.assert(
      fc.property(header, (authorization) => {
        if (authorization !== `Bearer ${good}`) assert.equal(ask(authorization, tx).kind, 'refused');
      }),
      { numRuns: 300 },
    );
  });

  const iss = 'https://login.microsoftonline.com/t1/v2.0';
  const constraints: readonly [string, Record<string, unknown>, boolean][] = [
    ['constrained', { iss: 'https://corp.example' }, true],
    ['constrained', { iss: 'https://sub.corp.example' }, false],
    ['constrained', { iss: 'https://corp.example', tid: 't1' }, false],
    ['entra', { iss, tid: 't1' }, true],
    ['entra', { iss, tid: 't2' }, false],
    ['entra', { iss }, false],
    ['entra', { iss: 'https://login.microsoftonline.com/t1/other', tid: 't1' }, false],
  ];
  for (const [kid, extra, admitted] of constraints) {
    test(`a key constrained to an issuer ${admitted ? 'admits' : 'refuses'} ${JSON.stringify(extra)}`, () => {
      const bearer = `Bearer ${token({ alg: 'ES256', kid }, { ...claims, ...extra })}`;
      assert.equal(ask(bearer).kind, admitted ? 'authenticated' : 'refused');
      if (!admitted) assert.match(reason(bearer) ?? '', new RegExp(`^Kid ${kid} failed issuer constraint`));
    });
  }
});

describe('signing keys of an issuer', () => {
  const a = publicKeyToJwk(ec.publicKey, 'a');
  const b = publicKeyToJwk(other.publicKey, 'b');

  test('are replaced as a whole, and other issuers keep theirs under the same id', () => {
    const tx = new Store().begin();
    setJwtSigningKeys(tx, 'https://one.example', [a, b]);
    setJwtSigningKeys(tx, 'https://two.example', [{ ...b, kid: 'a' }]);
    setJwtSigningKeys(tx, 'https://one.example', [b]);
    const left = [...jwtSigningKeys.entries(tx)].map(([kid, keys]) => [kid, keys.map((key) => key.issuer)]);
    assert.deepEqual(left, [
      ['a', ['https://two.example']],
      ['b', ['https://one.example']],
    ]);
    removeJwtSigningKeys(tx, 'https://two.example');
    assert.deepEqual([...jwtSigningKeys.keys(tx)], ['b']);
  });

  test('set again are not written again', () => {
    const store = new Store();
    const first = store.begin();
    setJwtSigningKeys(first, issuer, [a, b]);
    first.commit();
    const again = store.begin();
    setJwtSigningKeys(again, issuer, [a, b]);
    assert.equal(again.commit().kind, 'read-only');
  });

  const x5c = [toBase64(new Uint8Array([1, 2, 3]))];
  const bad: readonly [string, Parameters<typeof setJwtSigningKeys>[2]][] = [
    ['none at all', []],
    ['no kid', [{ ...a, kid: undefined as never }]],
    ['no key', [{ kty: 'RSA', kid: 'k' }]],
    ['a broken certificate', [{ kty: 'RSA', kid: 'k', x5c }]],
    ['a point off the curve', [{ ...a, y: a.x as string }]],
    ['a constraint to somebody else’s domain', [{ ...a, issuer: 'https://elsewhere.example' }]],
    ['a constraint to a domain that only ends alike', [{ ...a, issuer: 'https://ssuer.example.com' }]],
    ['a constraint that is no URL', [{ ...a, issuer: 'example.com' }]],
  ];
  for (const [name, keys] of bad) {
    test(`with ${name} are refused and nothing is written`, () => {
      const tx = new Store().begin();
      assert.throws(() => setJwtSigningKeys(tx, issuer, keys), { code: 'InvalidSigningKeys' });
      assert.equal(tx.writeSet().size, 0);
    });
  }
});

describe('recorded refusals', { skip: wireMissing }, () => {
  for (const name of [
    'js/app_401_badjwt',
    'js/app_401_nocert',
    'extra/jwt_basic_auth_header',
    'extra/jwt_unknown_kid',
  ]) {
    test(`${name} is refused alike`, () => {
      const { headers, body } = readWire(`${name}.req`);
      const result = authenticate(
        tables(),
        ['jwt', 'user_cert'],
        { headers, body, certificate: null },
        testNow,
      );
      const { error } = wireJson(`${name}.res`) as { error: { details: unknown } };
      assert.deepEqual(result.kind === 'refused' && result.details, error.details);
    });
  }
});

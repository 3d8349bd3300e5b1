import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { rolldown } from 'rolldown';
import { linkModule } from './modules/link.ts';
import { callOf, jsonOf, Stage } from './testing/stage.ts';

const source = `
import * as ccfapp from '@microsoft/ccf-app';
import * as ccfcrypto from '@microsoft/ccf-app/crypto';
import { TextEncoder } from '@microsoft/ccf-app/textcodec';

const accounts = ccfapp.typedKv('accounts', ccfapp.string, ccfapp.json());
const seen = ccfapp.typedKvSet('seen', ccfapp.uint32);

export function accountsOf() {
  accounts.set('alice', { balance: 3 });
  accounts.set('bob', { balance: 4 });
  accounts.delete('bob');
  const rows = [];
  accounts.forEach((value, key, map) => rows.push([key, value, map === accounts]));
  return { body: [accounts.get('alice'), accounts.get('carol') ?? null, accounts.has('bob'), accounts.size, rows, accounts.getVersionOfPreviousWrite('alice') ?? null] };
}
export function sets() {
  seen.add(7).add(9).add(7);
  const all = [];
  seen.forEach((key) => all.push(key));
  seen.delete(9);
  return { body: [seen.has(7), seen.has(8), seen.size, all] };
}
export function converters() {
  const { bool, int8, uint8, int16, uint16, int32, uint32, int64, uint64, float32, float64, string, json, checkedJson, typedArray, arrayBuffer } = ccfapp;
  const trip = (converter, value) => converter.decode(converter.encode(value));
  return { body: [
    trip(bool, true), trip(int8, -3), trip(uint8, 200), trip(int16, -300), trip(uint16, 60000), trip(int32, -70000), trip(uint32, 4e9),
    String(trip(int64, -(2n ** 60n))), String(trip(uint64, 2n ** 63n)), trip(float32, 0.5), trip(float64, 0.1), trip(string, 'grüße'),
    trip(json(), { a: [null] }), trip(checkedJson(), { a: 1 }), [...trip(typedArray(Uint16Array), new Uint16Array([1, 500]))],
    trip(arrayBuffer, new ArrayBuffer(3)).byteLength, uint8.encode(1).byteLength,
  ] };
}
export function failing() {
  const errors = [];
  for (const work of [() => ccfapp.bool.encode(1), () => ccfapp.uint8.encode(256), () => ccfapp.checkedJson().encode({ a: new Map() })]) {
    try { work(); } catch (error) { errors.push(error.name); }
  }
  return { body: errors };
}
export function codec() {
  return { body: new TextEncoder().encode('é€') };
}
export function crypto() {
  const data = ccfapp.string.encode('text');
  const rsa = ccfcrypto.generateRsaKeyPair(2048);
  const ec = ccfcrypto.generateEcdsaKeyPair('secp256r1');
  const ed = ccfcrypto.generateEddsaKeyPair('curve25519');
  const results = [];
  for (const [algorithm, pair] of [[{ name: 'RSA-PSS', hash: 'SHA-256' }, rsa], [{ name: 'RSA-PSS', hash: 'SHA-256', saltLength: 20 }, rsa], [{ name: 'ECDSA', hash: 'SHA-256' }, ec], [{ name: 'EdDSA' }, ed]]) {
    const signature = ccfcrypto.sign(algorithm, pair.privateKey, data);
    results.push(ccfcrypto.verifySignature(algorithm, pair.publicKey, signature, data));
    results.push(ccfcrypto.verifySignature(algorithm, pair.publicKey, signature, ccfapp.string.encode('other')));
  }
  const hmac = ccfcrypto.sign({ name: 'HMAC', hash: 'SHA-256' }, 'key', data);
  const aes = ccfcrypto.generateAesKey(256);
  const wrapping = ccfcrypto.generateAesKey(256);
  const trips = [
    ccfcrypto.unwrapKey(ccfcrypto.wrapKey(aes, wrapping, { name: 'AES-KWP' }), wrapping, { name: 'AES-KWP' }),
    ...[{ name: 'RSA-OAEP' }, { name: 'RSA-OAEP', label: data }, { name: 'RSA-OAEP-AES-KWP', aesKeySize: 256 }].map((how) =>
      ccfcrypto.unwrapKey(ccfcrypto.wrapKey(aes, ccfapp.string.encode(rsa.publicKey), how), ccfapp.string.encode(rsa.privateKey), how)),
  ];
  const same = (buffer) => String(new Uint8Array(buffer)) === String(new Uint8Array(aes));
  const jwk = ccfcrypto.pubPemToJwk(ec.publicKey, 'kid');
  return { body: [results, hmac.byteLength, trips.map(same), new Uint8Array(ccfcrypto.digest('SHA-256', data)).length,
    jwk.kid, ccfcrypto.pubJwkToPem(jwk) === ec.publicKey, ccfcrypto.pubRsaJwkToPem(ccfcrypto.pubRsaPemToJwk(rsa.publicKey)) === rsa.publicKey,
    ccfcrypto.rsaPemToJwk(rsa.privateKey).kty, ccfcrypto.eddsaPemToJwk(ed.privateKey).crv, ccfcrypto.isValidX509CertBundle('x')] };
}
export function rpc() {
  ccfapp.setApplyWrites(true);
  ccfapp.setClaimsDigest(ccfcrypto.digest('SHA-256', ccfapp.string.encode('x')));
  return { body: [ccfapp.getLastCommittedTxId(), ccfapp.getStatusForTxId(2, 3), ccfapp.getViewForSeqno(3), ccfapp.getStateRange(1, 2, 3, 4), ccfapp.dropCachedStates(1)] };
}
`;

/** The app bundled as authors do it: one module, with the package inside. */
async function bundled(): Promise<string> {
  const folder = mkdtempSync(join(import.meta.dirname, '../.bundle-'));
  try {
    const input = join(folder, 'app.js');
    writeFileSync(input, source);
    const build = await rolldown({ input, logLevel: 'silent' });
    const { output } = await build.generate({ format: 'es' });
    await build.close();
    return output[0].code;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the ccf-app package works as it is:', () => {
  let stage: Stage;
  before(async () => {
    const code = await bundled();
    assert.equal(linkModule('/app.js', code).key, '/app.js');
    stage = new Stage(code);
    assert.deepEqual(stage.app.problems, []);
  });

  test('typed tables', () => {
    const expected = [{ balance: 3 }, null, false, 1, [['alice', { balance: 3 }, true]]];
    assert.deepEqual(stage.json('accountsOf'), [...expected, null]);
    assert.deepEqual(stage.json('accountsOf'), [...expected, 1]);
  });
  test('typed sets', () => assert.deepEqual(stage.json('sets'), [true, false, 1, [7, 9]]));
  test('converters', () => {
    assert.deepEqual(stage.json('converters'), [
      ...[
        true,
        -3,
        200,
        -300,
        60000,
        -70000,
        4e9,
        String(-(2n ** 60n)),
        String(2n ** 63n),
        0.5,
        0.1,
        'grüße',
      ],
      ...[{ a: [null] }, { a: 1 }, [1, 500], 3, 2],
    ]);
    assert.deepEqual(stage.json('failing'), ['TypeError', 'RangeError', 'TypeError']);
  });
  test('text encoding', () => {
    const outcome = stage.call('codec');
    assert.equal(outcome.kind === 'response' && outcome.body, '\xc3\xa9\xe2\x82\xac');
  });
  test('cryptography', () => {
    const alternating = [true, false, true, false, true, false, true, false];
    assert.deepEqual(stage.json('crypto'), [
      ...[alternating, 32, [true, true, true, true], 32, 'kid', true, true, 'RSA', 'Ed25519', false],
    ]);
  });
  test('rpc, consensus and history', () => {
    const outcome = stage.run([callOf('rpc')])[0]!;
    assert.deepEqual(jsonOf(outcome), [{ view: 2, seqno: 7 }, 'Committed', 2, null, false]);
    assert.equal(outcome.kind === 'response' && outcome.applyWrites, true);
    assert.equal(outcome.kind === 'response' && outcome.claimsDigest?.length, 32);
    stage[Symbol.dispose]();
  });
});

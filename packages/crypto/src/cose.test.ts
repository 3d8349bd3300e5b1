import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { CborTag, type CborValue, encodeCbor } from './cbor.ts';
import {
  type CoseLabel,
  coseLabel,
  draftSign1,
  encodeSign1,
  parseSign1,
  signSign1,
  sigStructure,
  verifySign1,
} from './cose.ts';
import { fromHex, toHex } from './encoding.ts';
import { ecSpki } from './key-info.ts';
import { generateKeyPair, importPublicKey } from './keys.ts';
import { sign } from './sign.ts';

interface Vectors {
  sign1: {
    source: string;
    key: { curve: 'P-256'; x: string; y: string };
    message: string;
    payloadText: string;
    toBeSigned: string;
  }[];
  refused: { why: string; hex: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/crypto/cose.json', import.meta.url), 'utf8'),
);
const utf8 = (text: string) => new TextEncoder().encode(text);
const headers = (...entries: [CoseLabel, CborValue][]) => new Map<CoseLabel, CborValue>(entries);
const payload = utf8('{"actions": []}');

for (const { source, key, message, payloadText, toBeSigned } of vectors.sign1) {
  test(`${source} verifies`, () => {
    const publicKey = importPublicKey(ecSpki(key.curve, fromHex(`04${key.x}${key.y}`)));
    const parsed = parseSign1(fromHex(message));
    assert.deepEqual(verifySign1(parsed, publicKey), utf8(payloadText));
    assert.equal(toHex(sigStructure(parsed.protectedBytes, parsed.payload!)), toBeSigned);
    assert.equal(toHex(encodeSign1(parsed)), message);
  });
}

for (const { why, hex } of vectors.refused) {
  test(`a message with ${why} is refused`, () => {
    assert.throws(
      () => parseSign1(fromHex(hex)),
      (error: { code: string }) => /Malformed(Cose|Cbor)/.test(error.code),
    );
  });
}

for (const kind of ['P-256', 'P-384', 'P-521', 'Ed25519'] as const) {
  describe(`with ${kind}`, () => {
    const key = generateKeyPair(kind === 'Ed25519' ? { kind } : kind);
    const content = { protected: headers([4, utf8('me')], ['ccf.gov.msg.type', 'ack']), payload };

    test('a signed message verifies and keeps its headers', () => {
      const parsed = parseSign1(signSign1({ ...content, unprotected: headers([-1, 2]) }, key));
      assert.deepEqual(verifySign1(parsed, key.publicKey), payload);
      assert.equal(parsed.protected.get('ccf.gov.msg.type'), 'ack');
      assert.deepEqual(parsed.unprotected, headers([-1, 2]));
    });

    test('a detached payload must be given, and be the one that was signed', () => {
      const parsed = parseSign1(signSign1({ ...content, detached: true }, key));
      assert.equal(parsed.payload, null);
      assert.deepEqual(verifySign1(parsed, key.publicKey, payload), payload);
      assert.throws(() => verifySign1(parsed, key.publicKey), { code: 'MalformedCose' });
      assert.throws(() => verifySign1(parsed, key.publicKey, utf8('else')), { code: 'SignatureInvalid' });
    });

    test('one that was signed elsewhere verifies like any other', () => {
      const draft = draftSign1(content, key.publicKey);
      assert.deepEqual(draft, { ...draft, toBeSigned: draftSign1(content, key.publicKey).toBeSigned });
      const message = draft.assemble(sign(key, draft.algorithm.scheme, draft.toBeSigned));
      assert.deepEqual(verifySign1(parseSign1(message), key.publicKey), payload);
    });

    test('no part of it can be changed', () => {
      const parsed = parseSign1(signSign1(content, key));
      const invalid = { code: 'SignatureInvalid' };
      const flip = (bytes: Uint8Array) => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1);
      assert.throws(() => verifySign1({ ...parsed, payload: flip(payload) }, key.publicKey), invalid);
      assert.throws(
        () => verifySign1({ ...parsed, signature: flip(parsed.signature) }, key.publicKey),
        invalid,
      );
      const protectedBytes = encodeCbor(new Map(parsed.protected).set(9, 9));
      assert.throws(() => verifySign1({ ...parsed, protectedBytes }, key.publicKey), invalid);
      const externalAad = utf8('not there when signed');
      assert.throws(() => verifySign1(parsed, key.publicKey, undefined, { externalAad }), invalid);
      const other = generateKeyPair(kind === 'Ed25519' ? { kind } : kind).publicKey;
      assert.throws(() => verifySign1(parsed, other), invalid);
      const short = parsed.signature.subarray(1);
      assert.throws(
        () => verifySign1({ ...parsed, signature: short }, key.publicKey),
        (error: { code: string }) => ['MalformedSignature', 'SignatureInvalid'].includes(error.code),
      );
    });
  });
}

const key = generateKeyPair('P-256');

test('the protected header is verified as it was received, not as it would be encoded', () => {
  // {4: h'', 1: -7} with its keys out of order and a map length in two bytes.
  const protectedBytes = fromHex('b8020440'.concat('0126'));
  const scheme = { name: 'ECDSA', hash: 'SHA-256' } as const;
  const signature = sign(key, scheme, sigStructure(protectedBytes, payload));
  const parsed = parseSign1(encodeSign1({ protectedBytes, unprotected: new Map(), payload, signature }));
  assert.deepEqual(verifySign1(parsed, key.publicKey), payload);
  assert.deepEqual(parsed.protectedBytes, protectedBytes);
});

test('an algorithm goes with one curve only', () => {
  const content = { protected: headers([coseLabel.alg, -35]), payload };
  assert.throws(() => signSign1(content, key), { code: 'InvalidKey' });
  const parsed = parseSign1(signSign1({ protected: headers(), payload }, generateKeyPair('P-384')));
  assert.throws(() => verifySign1(parsed, key.publicKey), { code: 'InvalidKey' });
});

test('an algorithm that is missing or unknown is refused', () => {
  const parsed = parseSign1(signSign1({ protected: headers(), payload }, key));
  for (const alg of [undefined, -257, 'ES256', 7]) {
    const protectedHeaders = headers([coseLabel.alg, alg]);
    assert.throws(() => verifySign1({ ...parsed, protected: protectedHeaders }, key.publicKey), {
      code: 'Unsupported',
    });
  }
});

test('a critical label must be understood by someone', () => {
  const content = { protected: headers([coseLabel.crit, ['my.label']], ['my.label', 1]), payload };
  const parsed = parseSign1(signSign1(content, key));
  assert.throws(() => verifySign1(parsed, key.publicKey), { code: 'Unsupported' });
  assert.deepEqual(verifySign1(parsed, key.publicKey, undefined, { understood: ['my.label'] }), payload);
  for (const crit of [[], 'my.label', [99], [null]] as CborValue[]) {
    const bad = parseSign1(signSign1({ protected: headers([coseLabel.crit, crit]), payload }, key));
    assert.throws(() => verifySign1(bad, key.publicKey), { code: 'MalformedCose' });
  }
});

test('an attached payload is not taken where a detached one is expected', () => {
  const parsed = parseSign1(signSign1({ protected: headers(), payload }, key));
  assert.throws(() => verifySign1(parsed, key.publicKey, payload), { code: 'MalformedCose' });
});

test('a message without its tag is read only where that is expected', () => {
  const untagged = signSign1({ protected: headers(), payload }, key).subarray(1);
  assert.throws(() => parseSign1(untagged), { code: 'MalformedCose' });
  assert.deepEqual(verifySign1(parseSign1(untagged, 'optional'), key.publicKey), payload);
});

test('an X25519 key signs nothing', () => {
  const agreement = generateKeyPair({ kind: 'X25519' });
  assert.throws(() => signSign1({ protected: headers(), payload }, agreement), { code: 'InvalidKey' });
});

test('a message within another tag is not a message', () => {
  const message = signSign1({ protected: headers(), payload }, key);
  const inner = encodeCbor(new CborTag(61, new CborTag(18, [message, new Map(), null, message])));
  assert.throws(() => parseSign1(inner), { code: 'MalformedCose' });
});

import assert from 'node:assert/strict';
import { createCipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { BlockCipher } from './aes.ts';
import { keyStream } from './counter-mode.ts';
import { fromHex } from './encoding.ts';
import { keyStreamAheadBytesMax } from './limits.ts';
import { SealingKey } from './sealing-key.ts';

interface Vectors {
  aes256Ctr: Record<'source' | 'key' | 'start' | 'plaintext' | 'ciphertext', string>[];
  sealingKey: Record<'source' | 'key' | 'nonce' | 'aad' | 'plaintext' | 'sealed', string>[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/crypto/primitives.json', import.meta.url), 'utf8'),
);

const latin1 = (data: Uint8Array) => Buffer.from(data).toString('latin1');
const ofHex = (text: string) => Buffer.from(text, 'hex').toString('latin1');
const random = (length: number) => Uint8Array.from(randomBytes(length));
const raw = Uint8Array.from({ length: 32 }, (_, i) => i + 100);
const key = new SealingKey(raw);
const refused = { name: 'CryptoError', code: 'DecryptionFailed' };

/** What is between nonce and number, and what comes behind. */
const positionOf = (sealed: string) => ({
  nonce: sealed.slice(0, 12),
  block: Buffer.from(sealed.slice(12, 16), 'latin1').readUInt32BE(),
});

/** A message as OpenSSL's own counter mode and HMAC seal it. */
function sealedByOpenssl(start: string, aad: string, plaintext: string): string {
  const keys = Buffer.from(hkdfSync('sha256', raw, '', 'coco sealing key', 64));
  const cipher = createCipheriv('aes-256-ctr', keys.subarray(0, 32), Buffer.from(start, 'latin1'));
  const body = Buffer.concat([Buffer.from(start, 'latin1'), cipher.update(plaintext, 'latin1')]);
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(aad.length);
  lengths.writeUInt32BE(body.length, 4);
  const tag = createHmac('sha256', keys.subarray(32)).update(lengths).update(aad, 'latin1').update(body);
  return latin1(body) + latin1(tag.digest().subarray(0, 16));
}

const byteString = (maxLength: number) => fc.uint8Array({ maxLength, size: 'max' }).map(latin1);

for (const row of vectors.aes256Ctr) {
  test(`counter mode: ${row.source}`, () => {
    const plaintext = fromHex(row.plaintext);
    const words = keyStream(new BlockCipher(fromHex(row.key)), fromHex(row.start), plaintext.length);
    const stream = new Uint8Array(words.buffer, words.byteOffset);
    assert.deepEqual(
      plaintext.map((byte, i) => byte ^ stream[i]!),
      fromHex(row.ciphertext),
    );
  });
}

for (const row of vectors.sealingKey) {
  test(`sealed message: ${row.source}`, () => {
    const own = new SealingKey(fromHex(row.key));
    const [aad, plaintext, sealed] = [ofHex(row.aad), ofHex(row.plaintext), ofHex(row.sealed)];
    assert.equal(own.sealWith(fromHex(row.nonce), aad, plaintext), sealed);
    assert.equal(own.open(aad, sealed), plaintext);
  });
}

test('what was sealed opens, and is what OpenSSL makes of the same keys', () => {
  fc.assert(
    fc.property(byteString(200), byteString(6000), (aad, plaintext) => {
      for (const sealed of [key.seal(aad, plaintext, random), key.sealWith(random(12), aad, plaintext)]) {
        assert.equal(sealed, sealedByOpenssl(sealed.slice(0, 16), aad, plaintext));
        assert.equal(key.open(aad, sealed), plaintext);
        assert.equal(new SealingKey(raw).open(aad, sealed), plaintext);
      }
    }),
  );
});

test('with one bit of it flipped a message does not open, nor with a piece less or more', () => {
  const sealed = key.seal('place', 'content of 24 characters', random);
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const bytes = Buffer.from(sealed, 'latin1');
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => key.open('place', latin1(bytes)), refused);
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => key.open('place', sealed.slice(0, length)), refused);
    if (length > 0) assert.throws(() => key.open('place', sealed.slice(length)), refused);
  }
  assert.throws(() => key.open('place', `${sealed}\0`), refused);
});

test('parts of two messages make no third, and none opens in another place or under another key', () => {
  const [one, two] = ['one', 'two'].map((text) => key.seal('place', text.padEnd(40), random)) as [
    string,
    string,
  ];
  const cuts = [0, 12, 16, 56, 72];
  for (let i = 1; i < cuts.length; i++) {
    const [from, to] = [cuts[i - 1], cuts[i]];
    const mixed = one.slice(0, from) + two.slice(from, to) + one.slice(to);
    // Both are of one stream.
    if (mixed !== one) assert.throws(() => key.open('place', mixed), refused);
  }
  for (const aad of ['', 'plac', 'places', 'Place', `place${one.slice(0, 16)}`])
    assert.throws(() => key.open(aad, one), refused);
  // What is associated data and what is message cannot be shifted.
  assert.throws(() => key.open(`place${one.slice(0, 4)}`, one.slice(4)), refused);
  assert.throws(() => new SealingKey(raw.map((byte) => byte ^ 1)).open('place', one), refused);
});

test('no block of key stream serves twice, whatever is sealed and however often streams begin', () => {
  const own = new SealingKey(raw);
  const taken = new Set<string>();
  let drawn = 0;
  const counted = (length: number) => {
    drawn++;
    return random(length);
  };
  for (let i = 0; i < 10_000; i++) {
    // Most are short; now and then one is longer than what is made ahead.
    const length = i % 500 === 499 ? keyStreamAheadBytesMax + i : (i * 37) % 400;
    const { nonce, block } = positionOf(own.seal('', 'x'.repeat(length), counted));
    assert.ok(nonce.charCodeAt(0) < 0x80);
    for (let at = block; at === block || at < block + length / 16; at++) {
      assert.ok(!taken.has(nonce + at), `message ${i} meets another in block ${at}`);
      taken.add(nonce + at);
    }
  }
  assert.ok(drawn > 100 && drawn < 1500, `${drawn} streams`);
});

test('a nonce that is given meets no stream, whatever either is', () => {
  for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
    const nonce = new Uint8Array(12).fill(byte);
    const streamed = positionOf(new SealingKey(raw).seal('', 'x', () => nonce));
    const given = positionOf(key.sealWith(nonce, '', 'x'));
    assert.ok(streamed.nonce.charCodeAt(0) < 0x80 && given.nonce.charCodeAt(0) >= 0x80);
    assert.deepEqual([streamed.block, given.block], [0, 0]);
  }
});

test('the same nonce seals the same message alike, and no others', () => {
  const nonce = random(12);
  const sealed = key.sealWith(nonce, 'place', 'content');
  assert.equal(new SealingKey(raw).sealWith(nonce, 'place', 'content'), sealed);
  assert.notEqual(key.sealWith(random(12), 'place', 'content'), sealed);
  assert.notEqual(key.seal('place', 'content', random), key.seal('place', 'content', random));
});

test('keys and nonces of another length are refused, and what is no byte string', () => {
  for (const length of [0, 16, 31, 33]) {
    assert.throws(() => new SealingKey(new Uint8Array(length)), { code: 'InvalidKey' });
    assert.throws(() => key.sealWith(new Uint8Array(length), '', ''), { code: 'InvalidArgument' });
  }
  assert.throws(() => key.seal('', 'x\u0100', random), { code: 'InvalidArgument' });
});

test('the key does not change with the bytes it was made from, and shows in no output', () => {
  const bytes = Uint8Array.from(raw);
  const made = new SealingKey(bytes);
  bytes.fill(0);
  assert.equal(made.open('', key.seal('', 'content', random)), 'content');
  assert.doesNotMatch(inspect(made, { showHidden: true, depth: 9 }) + JSON.stringify(made) + made, /\d/);
});

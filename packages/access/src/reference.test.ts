import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openCursor, sealCursor } from './cursor.ts';
import { anonymous, viewerOf } from './reader.ts';
import { AccessSecret } from './secret.ts';

const secret = new AccessSecret('s'.repeat(32));
const other = new AccessSecret('t'.repeat(32));
const { references } = secret;
const place = fc.record({
  view: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  seqno: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});
const character = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const random = (length: number) => new Uint8Array(length).fill(7);

test('a reference names its place to the service that gave it, and to no other', () => {
  fc.assert(
    fc.property(place, (of) => {
      const reference = references.seal(of);
      assert.match(reference, /^r[A-Za-z0-9_-]{22}$/);
      assert.deepEqual(references.open(reference), { ...of });
      assert.equal(other.references.open(reference), undefined);
    }),
  );
});

test('a reference with one changed character is none', () => {
  fc.assert(
    fc.property(place, fc.nat(22), character, (of, at, changed) => {
      const reference = references.seal(of);
      fc.pre(reference[at] !== changed);
      assert.equal(references.open(reference.slice(0, at) + changed + reference.slice(at + 1)), undefined);
    }),
  );
});

test('names given out in a row are those made one by one, in whatever order they are asked for', () => {
  fc.assert(
    fc.property(place, fc.array(fc.integer({ min: -40, max: 40 })), (of, steps) => {
      let { view, seqno } = of;
      for (const step of [0, ...steps]) {
        seqno = Math.min(Math.max(seqno + step, 1), Number.MAX_SAFE_INTEGER);
        if (step === 0) view = (view % 7) + 1;
        assert.equal(references.sealNext({ view, seqno }), references.seal({ view, seqno }));
      }
    }),
  );
});

test('neighbours have nothing in common that shows', () => {
  const [one, two] = [1, 2].map((seqno) => references.seal({ view: 2, seqno })) as [string, string];
  assert.ok([...one].filter((each, at) => each === two[at]).length < 8);
});

test('any text is a reference or none, and never an error; so with cursors', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: character, minLength: 20, maxLength: 64 })),
      (text) => {
        assert.equal(references.open(text), undefined);
        assert.equal(openCursor(secret, { viewer: anonymous, query: '' }, text, 0), undefined);
      },
    ),
  );
});

test('a cursor opens for its caller, its question and in its time', () => {
  const binding = { viewer: viewerOf('ann', 'grocer', []), query: 'q' };
  const cursor = sealCursor(secret, binding, { seqno: 77, expiresMs: 1000 }, random);
  assert.equal(openCursor(secret, binding, cursor, 1000), 77);
  assert.equal(openCursor(secret, binding, cursor, 1001), undefined);
  assert.equal(openCursor(secret, { ...binding, query: 'p' }, cursor, 0), undefined);
  assert.equal(
    openCursor(secret, { ...binding, viewer: viewerOf('amy', 'grocer', []) }, cursor, 0),
    undefined,
  );
  assert.equal(openCursor(other, binding, cursor, 0), undefined);
  const far = sealCursor(secret, binding, { seqno: 2 ** 50, expiresMs: 2 ** 50 }, random);
  assert.equal(far.length, cursor.length, 'its length does not tell how far the list is');
});

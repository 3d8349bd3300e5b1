import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { claimsDigestOf, disclose, makeClaims, openClaims } from './claims.ts';
import { AccessError } from './errors.ts';

let drawn = 0;
const random = (length: number) => Uint8Array.from({ length }, () => (drawn = (drawn * 181 + 77) % 256));
const isInvalid = (error: unknown) => error instanceof AccessError && error.code === 'DisclosureInvalid';

test('what is disclosed is what was claimed, whichever fields are chosen', () => {
  const fields = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 9 });
  fc.assert(
    fc.property(fields, fc.infiniteStream(fc.boolean()), (claimed, choose) => {
      const claims = makeClaims(claimed, random);
      const names = Object.keys(claimed).filter(() => choose.next().value);
      const opened = openClaims(JSON.parse(JSON.stringify(disclose(claims, names))));
      assert.equal(opened.digest, claimsDigestOf(claims.digests));
      assert.deepEqual([...opened.fields.keys()], names);
      for (const [name, value] of opened.fields) {
        assert.deepEqual(value, JSON.parse(JSON.stringify((claimed as Record<string, unknown>)[name])));
      }
    }),
    { numRuns: 60 },
  );
});

test('the number of fields does not show: there are decoys up to a power of two, and never fewer than four', () => {
  const counts = [1, 2, 3, 4, 5, 8, 9].map((count) => {
    const fields = Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]));
    return makeClaims(fields, random).digests.length;
  });
  assert.deepEqual(counts, [4, 4, 4, 4, 8, 8, 16]);
});

test('a field that was changed, comes twice, or was never claimed is refused', () => {
  const claims = makeClaims({ seller: 'mill', amount: 7 }, random);
  const foreign = makeClaims({ amount: 8 }, random);
  const [first = ''] = claims.disclosures;
  for (const shown of [
    { ...claims, disclosures: foreign.disclosures },
    { ...claims, disclosures: [first, first] },
    { ...claims, disclosures: [`${first.slice(0, -1)}_`] },
    { ...claims, digests: [...claims.digests, 'a\nb'] },
    { ...claims, disclosures: Array(99).fill(first) },
    { digests: claims.digests },
    { digests: 'x', disclosures: [] },
    null,
    7,
  ]) {
    assert.throws(() => openClaims(shown), isInvalid, JSON.stringify(shown));
  }
  assert.throws(() => disclose(claims, ['buyer']), isInvalid);
});

test('hostile presentations are refused in order', () => {
  const text = fc.oneof(fc.string(), fc.base64String());
  const shown = fc.oneof(fc.anything(), fc.record({ digests: fc.array(text), disclosures: fc.array(text) }));
  fc.assert(
    fc.property(shown, (given) => {
      try {
        assert.equal(openClaims(given).fields.size, 0);
      } catch (error) {
        if (!isInvalid(error)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});

test('claims have bounds', () => {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`f${i}`, i]));
  for (const fields of [{}, many, { long: 'x'.repeat(70_000) }]) {
    assert.throws(
      () => makeClaims(fields, random),
      (error) => error instanceof AccessError && error.code === 'TooMuch',
    );
  }
});

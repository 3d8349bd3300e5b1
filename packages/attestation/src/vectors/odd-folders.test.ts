import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ownFolder, ownRoots, readerOf } from '../testing/folders.test.ts';
import { evaluateVectors, type VectorRow } from './evaluate.ts';

const own = readerOf(ownFolder);
const encoder = new TextEncoder();
const text = (value: unknown) => encoder.encode(typeof value === 'string' ? value : JSON.stringify(value));

/** Evaluates a folder of the project's own files under another manifest and other mutations. */
function rowsOf(
  manifest: unknown,
  mutations?: unknown,
  files: Record<string, unknown> = {},
): readonly VectorRow[] {
  const laid: Record<string, unknown> = { 'manifest.json': manifest, 'mutations.json': mutations, ...files };
  const read = (name: string) => {
    if (!Object.hasOwn(laid, name)) return own(name);
    return laid[name] === undefined ? undefined : text(laid[name]);
  };
  return evaluateVectors(read, { roots: ownRoots() });
}

const good = {
  id: 'snp/v3',
  evaluateAt: '2026-06-01T00:00:00Z',
  expected: 'valid',
  files: ['snp/v3/report.bin', 'snp/v3/chain.pem'],
};

/** What nobody can evaluate, and words of the reason in its row. */
const unusable: readonly (readonly [string, unknown, RegExp])[] = [
  ['a vector that is no object', 7, /vector is not an object/],
  ['a vector without a name', { ...good, id: undefined }, /no text "id"/],
  ['a vector without files', { ...good, files: undefined }, /"files" is neither/],
  ['a list of files that holds no names', { ...good, files: [1] }, /"files" is neither/],
  [
    'a file that is missing',
    { ...good, files: [...good.files, 'snp/crl.der'] },
    /snp\/crl.der is named and missing/,
  ],
  [
    'evidence of a platform nobody knows',
    { ...good, files: ['README.md'] },
    /no evidence that is understood/,
  ],
  ['files all missing', { ...good, files: ['nothing'] }, /no evidence that is understood/],
];

describe('a folder nobody here has seen', () => {
  for (const [what, vector, reason] of unusable) {
    test(`${what}: a row that says so, and the others are evaluated`, () => {
      const [row, rest] = [rowsOf({ vectors: [vector, { ...good, id: 'other' }] }), 'other'];
      const told = row.find(({ id }) => id !== rest);
      assert.equal(row.length, 2);
      assert.equal(row.find(({ id }) => id === rest)?.verdict, 'valid');
      assert.deepEqual([told?.verdict, told?.failedCheck, told?.ok], ['refused', 'vector', false]);
      assert.match(told?.reason ?? '', reason);
    });
  }

  test('may have members that nobody knows, a time that is text, and files with digests', () => {
    const files = Object.fromEntries(good.files.map((name) => [name, 'digest']));
    const [row] = rowsOf({ made: 'today', vectors: [{ ...good, files, licence: 'none', weight: 3 }] });
    assert.deepEqual([row?.verdict, row?.ok], ['valid', true]);
    const [undated] = rowsOf({ vectors: [{ ...good, evaluateAt: undefined }] });
    assert.equal(undated?.verdict, 'valid');
  });

  test('that does not say what it expects has nothing as expected', () => {
    const [row] = rowsOf({ vectors: [{ ...good, expected: undefined }] });
    assert.deepEqual([row?.verdict, row?.ok], ['valid', false]);
  });

  for (const [what, manifest] of [
    ['no JSON', 'hello'],
    ['no list', { vectors: 'many' }],
    ['nothing at all', undefined],
  ] as const) {
    test(`whose manifest is ${what} gives one row`, () => {
      const rows = rowsOf(manifest);
      assert.deepEqual(
        rows.map(({ id, failedCheck, ok }) => [id, failedCheck, ok]),
        [['manifest.json', 'vector', false]],
      );
    });
  }

  test('with a broken certificate among its material goes on without that', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const roots = { id: 'roots', evaluateAt: '', expected: 'valid', files: ['roots.pem'] };
    const rows = rowsOf({ vectors: [good, roots] }, undefined, { 'roots.pem': broken });
    assert.deepEqual(
      rows.map(({ id, failedCheck }) => [id, failedCheck]),
      [
        ['snp/v3', null],
        ['roots', 'certificate-shape'],
      ],
    );
  });
});

/** Mutations nobody can do, and words of the reason. */
const impossible: readonly (readonly [string, unknown, RegExp])[] = [
  ['of a vector that is not there', { base: 'snp/v9', edit: {} }, /no evidence snp\/v9/],
  ['without a base', { edit: {} }, /no text "base"/],
  [
    'by an operation nobody knows',
    { base: 'snp/v3', edit: { file: 'x', rotate: 3 } },
    /"rotate" of the edit is not known/,
  ],
  ['of bytes of no file', { base: 'snp/v3', edit: { xor: [[0, 1]] } }, /does not name the file/],
  [
    'of a file that is missing',
    { base: 'snp/v3', edit: { file: 'x', xor: [[0, 1]] } },
    /x, which is missing/,
  ],
  ['beyond the file', { base: 'snp/v3', edit: { file: good.files[0], xor: [[9999, 1]] } }, /beyond the file/],
  [
    'with a place that is no number',
    { base: 'snp/v3', edit: { file: good.files[0], xor: [['a', 1]] } },
    /"xor" is no whole/,
  ],
  [
    'with bytes that are not hexadecimal',
    { base: 'snp/v3', edit: { file: good.files[0], append: 'zz' } },
    /hex/,
  ],
  ['to a time that is none', { base: 'snp/v3', edit: { at: 'soon' } }, /"soon" is no time/],
  [
    'to a policy nobody knows',
    { base: 'snp/v3', edit: { policy: { moon: 1 } } },
    /"moon" of the mutation is not known/,
  ],
  [
    'to a policy that makes no sense',
    { base: 'snp/v3', edit: { policy: { maxVmpl: 'low' } } },
    /"maxVmpl" is no whole/,
  ],
  ['that is no object', 'flip', /not an object/],
];

describe('a mutation nobody here has seen', () => {
  for (const [what, mutation, reason] of impossible) {
    test(`${what}: a row that says so, which is no refusal of evidence`, () => {
      const rows = rowsOf({ vectors: [good] }, [
        mutation,
        { base: 'snp/v3', edit: { at: '2050-01-01T00:00:00Z' } },
      ]);
      assert.equal(rows.length, 3);
      const told = rows.filter(({ failedCheck }) => failedCheck === 'vector');
      assert.deepEqual(
        told.map(({ ok, verdict }) => [ok, verdict]),
        [[false, 'refused']],
      );
      assert.match(told[0]?.reason ?? '', reason);
      const dated = rows.find(({ failedCheck }) => failedCheck === 'certificate-dates');
      assert.deepEqual([dated?.mutation, dated?.ok], ['mutation 1', true]);
    });
  }

  test('that leaves evidence as it was is not as expected', () => {
    const rows = rowsOf({ vectors: [good] }, [{ base: 'snp/v3', name: 'nothing', edit: {} }]);
    assert.deepEqual([rows[1]?.verdict, rows[1]?.ok], ['valid', false]);
  });
});

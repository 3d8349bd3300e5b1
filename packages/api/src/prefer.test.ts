import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPrefer, parsePrefer } from './prefer.ts';

const cases: [string | undefined, ReturnType<typeof parsePrefer>][] = [
  [undefined, null],
  ['', null],
  ['respond-async', null],
  ['receipt', null],
  ['wait=5', { waitMs: 5000, receipt: false }],
  ['wait=5, receipt', { waitMs: 5000, receipt: true }],
  ['RECEIPT , Wait = "7" ; x=1', { waitMs: 7000, receipt: true }],
  ['wait=1, wait=9', { waitMs: 1000, receipt: false }],
  ['wait=999999', { waitMs: 60_000, receipt: false }],
  ['wait=-1', null],
  ['wait=1e3', null],
  ['wait', null],
  [`wait=5${' '.repeat(600)}`, null],
];

for (const [value, expected] of cases) {
  test(`prefer: ${value?.slice(0, 40)}`, () => assert.deepEqual(parsePrefer(value), expected));
}

test('a preference survives its header', () => {
  const preferences = fc
    .tuple(fc.integer({ min: 0, max: 60 }), fc.boolean())
    .map(([seconds, receipt]) => ({ waitMs: seconds * 1000, receipt }));
  fc.assert(
    fc.property(preferences, (it) => assert.deepEqual(parsePrefer(formatPrefer(it)), it)),
    { numRuns: 50 },
  );
});

test('no header breaks the reader', () => {
  fc.assert(
    fc.property(fc.string(), (value) => void parsePrefer(value)),
    { numRuns: 200 },
  );
});

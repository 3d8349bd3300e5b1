import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { validityPeriod } from './validity.ts';

const moments: readonly [string, string][] = [
  ['220101120000Z', '2022-01-01T12:00:00Z'],
  ['491231235959Z', '2049-12-31T23:59:59Z'],
  ['500101000000Z', '1950-01-01T00:00:00Z'],
  ['20260131235959Z', '2026-01-31T23:59:59Z'],
  ['20240229000000Z', '2024-02-29T00:00:00Z'],
  ['2026-01-31 23:59:59', '2026-01-31T23:59:59Z'],
  ['2026-01-31T23:59:59', '2026-01-31T23:59:59Z'],
  ['2026-01-31T23:59:59.123456Z', '2026-01-31T23:59:59Z'],
  ['2026-01-31T23:59:59+02:30', '2026-01-31T21:29:59Z'],
  ['2026-01-31T23:59:59-02:30', '2026-02-01T02:29:59Z'],
];
for (const [text, expected] of moments) {
  test(`${text} begins at ${expected}`, () => {
    assert.equal(validityPeriod(text, 1).notBefore, Date.parse(expected));
  });
}

test('the last second of the last day is the last of a validity', () => {
  assert.equal(validityPeriod('220101000000Z', 90).notAfter, Date.parse('2022-03-31T23:59:59Z'));
});

const unreadable = [
  '',
  'now',
  '220101120000',
  '221301120000Z',
  '230229000000Z',
  '220101240000Z',
  '2022-01-01',
];
for (const text of unreadable) {
  test(`"${text}" is not a time`, () => {
    assert.throws(() => validityPeriod(text, 1), { code: 'InvalidValidity' });
  });
}

for (const days of [0, -1, 1.5, Number.NaN, 40_000]) {
  test(`a validity of ${days} days is refused`, () => {
    assert.throws(() => validityPeriod('220101000000Z', days), { code: 'InvalidValidity' });
  });
}

test('every moment of four centuries is read as the platform’s own calendar does', () => {
  const second = fc.integer({ min: Date.UTC(1900, 0) / 1000, max: Date.UTC(2300, 0) / 1000 });
  fc.assert(
    fc.property(second, (seconds) => {
      const iso = new Date(seconds * 1000).toISOString();
      const text = `${iso.slice(0, 19).replace(/[-T:]/g, '')}Z`;
      assert.equal(validityPeriod(text, 1).notBefore, seconds * 1000);
    }),
  );
});

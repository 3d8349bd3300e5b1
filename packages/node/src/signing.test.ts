import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signatureIsDue } from './signing.ts';

describe('signatureIsDue', () => {
  const limits = { txCount: 100, delayMs: 50 };
  const cases: [string, number, boolean, number, boolean, { awaited?: boolean; rests?: boolean }?][] = [
    ['nothing to sign, however long ago', 0, false, 10_000, false],
    ['a lone write on an idle pipeline', 1, false, 1000, true],
    ['a write soon after the last signature gathers', 1, false, 1, false],
    ['unless somebody waits for it', 1, false, 0, true, { awaited: true }],
    ['or nothing more comes', 1, false, 0, true, { rests: true }],
    [
      'a write behind a signature in flight gathers though nothing more comes',
      1,
      true,
      1,
      false,
      { rests: true },
    ],
    ['a write behind a signature in flight gathers', 1, true, 1, false],
    ['the count is an upper bound', 100, true, 1, true],
    ['the delay is an upper bound', 1, true, 50, true],
  ];
  for (const [
    name,
    unsigned,
    inFlight,
    sinceLastMs,
    expected,
    { awaited = false, rests = false } = {},
  ] of cases) {
    test(name, () =>
      assert.equal(signatureIsDue({ unsigned, inFlight, sinceLastMs, awaited, rests }, limits), expected),
    );
  }
});

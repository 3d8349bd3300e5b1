import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { equalBytes, fromHex, toHex } from './encoding.ts';
import { hmacSha256 } from './hash.ts';
import { combineShares, sampleSecret, shareIndex, shareWrappingKey, splitSecret } from './share.ts';

/** Repeatable bytes: SHA-256 of a counter. */
function generator(seed: number): (length: number) => Uint8Array {
  let drawn = 0;
  return (length) => {
    const block = createHash('sha256').update(`${seed}.${drawn++}`).digest();
    return new Uint8Array(block.subarray(0, length));
  };
}

/** A share written out: x, then ten ordinates, little-endian. */
function share(x: number, ...y: number[]): Uint8Array {
  const bytes = new Uint8Array(44);
  const view = new DataView(bytes.buffer);
  [x, ...y].forEach((number, i) => {
    view.setUint32(4 * i, number, true);
  });
  return bytes;
}

const prime = 2 ** 31 - 1;

test('shares are points of the polynomials, in the byte order of the format', () => {
  // One coefficient per limb: 1000, 2000, ... as the generator gives them; the secret's limbs are 1 to 10.
  let limb = 0;
  const random = (length: number) => {
    limb += 1;
    return new Uint8Array(share(0, 1000 * limb).buffer, 4, length);
  };
  const secret = share(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const shares = splitSecret(secret, { threshold: 2, count: 3, random });
  for (const x of [1, 2, 3]) {
    const expected = share(x, ...Array.from({ length: 10 }, (_, i) => i + 1 + x * 1000 * (i + 1)));
    assert.equal(toHex(shares[x - 1]!), toHex(expected));
    assert.equal(shareIndex(expected), x);
  }
  assert.equal(toHex(shares[0]!).slice(0, 24), '01000000e9030000d2070000');
});

test('arithmetic is that of the field, at its edge too', () => {
  // y = -1 + 2x - x^2 = -(x - 1)^2 through (1, 0), (2, -1), (3, -4).
  const line = (x: number, y: number) => share(x, ...new Array<number>(10).fill(y));
  const shares = [line(1, 0), line(2, prime - 1), line(3, prime - 4)];
  assert.equal(toHex(combineShares(shares, 3)), toHex(line(0, prime - 1)));
});

test('any threshold of the shares give the secret back, and further ones agree', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(8), fc.nat(), (threshold, more, seed) => {
      const random = generator(seed);
      const secret = sampleSecret(random);
      const shares = splitSecret(secret, { threshold, count: threshold + more, random });
      const shuffled = shares.toSorted((a, b) => (toHex(a.slice(4)) < toHex(b.slice(4)) ? -1 : 1));
      assert.deepEqual(combineShares(shuffled.slice(0, threshold), threshold), secret);
      assert.deepEqual(combineShares(shuffled, threshold), secret);
      if (threshold > 1) {
        const fewer = combineShares(shuffled.slice(0, threshold - 1), threshold - 1);
        assert.equal(equalBytes(fewer, secret), false);
      }
    }),
    { numRuns: 50 },
  );
});

test('fewer shares than the threshold fit any secret at all', () => {
  const random = generator(3);
  const shares = splitSecret(sampleSecret(random), { threshold: 3, count: 5, random }).slice(0, 2);
  // Whatever third point is chosen, there is a polynomial through it and the two known shares.
  for (const guess of [0, 1, 12345, prime - 1]) {
    const third = share(9, ...new Array<number>(10).fill(guess));
    assert.equal(combineShares([...shares, third], 3).length, 44);
  }
});

test('the full share stands for the secret by itself', () => {
  const random = generator(4);
  const secret = sampleSecret(random);
  const [first] = splitSecret(secret, { threshold: 2, count: 2, random });
  assert.deepEqual(combineShares([secret], 2), secret);
  assert.deepEqual(combineShares([first!, secret], 2), secret);
});

test('a share that does not belong is noticed once there is one more than needed', () => {
  const random = generator(5);
  const shares = splitSecret(sampleSecret(random), { threshold: 2, count: 3, random });
  const wrong = share(3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  assert.throws(() => combineShares([shares[0]!, shares[1]!, wrong], 2), { code: 'MalformedShare' });
});

test('the wrapping key is HKDF over the ordinates, with the ordinates as info', () => {
  const secret = share(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const ordinates = secret.slice(4);
  const pseudoRandomKey = hmacSha256(new Uint8Array(32), ordinates);
  const expected = hmacSha256(pseudoRandomKey, Uint8Array.from([...ordinates, 1]));
  assert.deepEqual(shareWrappingKey(secret), expected);
});

test('bytes that are no share are refused', () => {
  const malformed = { name: 'CryptoError', code: 'MalformedShare' };
  const secret = share(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const outside = Uint8Array.from(secret);
  outside.set(fromHex('ffffff7f'), 4);
  const above = Uint8Array.from(secret);
  above.set(fromHex('ffffffff'), 40);
  for (const bad of [new Uint8Array(0), secret.subarray(1), new Uint8Array(45), outside, above]) {
    assert.throws(() => combineShares([bad], 1), malformed);
    assert.throws(() => shareWrappingKey(bad), malformed);
  }
  const one = share(1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  assert.throws(() => combineShares([one, one], 2), malformed);
  assert.throws(() => combineShares([one], 2), malformed);
  assert.throws(() => combineShares([], 0), malformed);
  assert.throws(() => shareWrappingKey(one), malformed);
  assert.throws(() => splitSecret(one, { threshold: 1, count: 1, random: generator(1) }), malformed);
});

test('thresholds and counts that make no sense are refused', () => {
  const secret = sampleSecret(generator(6));
  for (const [threshold, count] of [
    [0, 1],
    [2, 1],
    [1.5, 2],
    [1, 5000],
    [Number.NaN, 1],
  ] as const) {
    assert.throws(() => splitSecret(secret, { threshold, count, random: generator(6) }), {
      code: 'InvalidArgument',
    });
  }
});

test('randomness that never yields a field element ends with an error, not a hang', () => {
  assert.throws(() => sampleSecret((length) => new Uint8Array(length).fill(0xff)), {
    code: 'InvalidArgument',
  });
});

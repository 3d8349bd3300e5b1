import { CryptoError } from './errors.ts';
import { constantTimeEqual, hkdfSha256 } from './hash.ts';
import { sharesMax } from './limits.ts';
import type { Random } from './random.ts';

/*
 * Shamir's scheme over the field of 2^31 - 1, ten polynomials in parallel: the share format of CCF's recovery
 * shares. A share is 44 bytes: the abscissa x, then ten ordinates, each a little-endian 32-bit number. The
 * secret is the share at x = 0. It is only used as key material: see `shareWrappingKey`. The format is why
 * this is written here: the published libraries share bytes over GF(256).
 */
const prime = 2147483647;
const limbs = 10;
const shareBytes = 4 * (1 + limbs);

interface Share {
  readonly x: number;
  /** Ten field elements. */
  readonly y: readonly number[];
}

/** A new secret: the 44-byte share at x = 0, its limbs uniform in the field. */
export function sampleSecret(random: Random): Uint8Array {
  return serializeShare({ x: 0, y: sampleLimbs(random) });
}

/**
 * Splits a secret (a 44-byte share at x = 0) into `count` shares, x = 1 to `count`, any `threshold` of which
 * give it back and fewer of which say nothing about it.
 */
export function splitSecret(
  secret: Uint8Array,
  options: {
    readonly threshold: number;
    readonly count: number;
    readonly random: Random;
  },
): Uint8Array[] {
  const { threshold, count, random } = options;
  if (!Number.isInteger(threshold) || !Number.isInteger(count) || threshold < 1 || threshold > count) {
    throw new CryptoError(
      'InvalidArgument',
      `threshold ${threshold} of ${count} shares: expected 1 to ${count}`,
    );
  }
  if (count > sharesMax) throw new CryptoError('InvalidArgument', `${count} shares: at most ${sharesMax}`);
  const parsed = parseShare(secret);
  if (parsed.x !== 0) throw new CryptoError('MalformedShare', 'secret to split is not the share at x = 0');
  const coefficients = [parsed.y];
  for (let degree = 1; degree < threshold; degree++) coefficients.push(sampleLimbs(random));
  const shares: Uint8Array[] = [];
  for (let x = 1; x <= count; x++) shares.push(serializeShare(evaluate(coefficients, x)));
  return shares;
}

/**
 * Gives back the secret (44 bytes, x = 0) from shares with distinct x. A share at x = 0 is the secret.
 * `threshold` of them are interpolated and any further ones must lie on the same polynomial, or
 * `MalformedShare` is thrown: with just `threshold` shares a wrong one cannot be noticed here, only by what
 * the secret fails to open.
 */
export function combineShares(shares: readonly Uint8Array[], threshold: number): Uint8Array {
  const parsed = shares.map(parseShare);
  if (new Set(parsed.map(({ x }) => x)).size !== parsed.length) {
    throw new CryptoError('MalformedShare', 'two shares have the same x');
  }
  const whole = parsed.find(({ x }) => x === 0);
  if (whole !== undefined) return serializeShare(whole);
  if (!Number.isInteger(threshold) || threshold < 1 || parsed.length < threshold) {
    throw new CryptoError('MalformedShare', `${parsed.length} shares given where ${threshold} are needed`);
  }
  const used = parsed.slice(0, threshold);
  for (const extra of parsed.slice(threshold)) {
    if (!constantTimeEqual(serializeShare(interpolate(used, extra.x)), serializeShare(extra))) {
      throw new CryptoError('MalformedShare', `share ${extra.x} does not belong to the others`);
    }
  }
  return serializeShare(interpolate(used, 0));
}

/**
 * The AES-256 key, 32 bytes, that a secret stands for: HKDF-SHA-256 of its 40 bytes of ordinates, with no
 * salt. CCF takes the same 40 bytes as `info` too, and its shares must open here.
 */
export function shareWrappingKey(secret: Uint8Array): Uint8Array {
  if (parseShare(secret).x !== 0)
    throw new CryptoError('MalformedShare', 'wrapping key needs the share at x = 0');
  const ordinates = secret.subarray(4);
  return hkdfSha256(ordinates, new Uint8Array(0), ordinates, 32);
}

/** The abscissa of a share: 0 for the whole secret, else from 1. Throws `MalformedShare`. */
export function shareIndex(share: Uint8Array): number {
  return parseShare(share).x;
}

function parseShare(bytes: Uint8Array): Share {
  if (bytes.length !== shareBytes) {
    throw new CryptoError('MalformedShare', `share of ${bytes.length} bytes: expected ${shareBytes}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers = Array.from({ length: 1 + limbs }, (_, i) => view.getUint32(4 * i, true));
  if (numbers.some((number) => number >= prime)) {
    throw new CryptoError('MalformedShare', 'share holds a number outside the field');
  }
  return { x: numbers[0]!, y: numbers.slice(1) };
}

function serializeShare({ x, y }: Share): Uint8Array {
  const bytes = new Uint8Array(shareBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, x, true);
  for (let i = 0; i < limbs; i++) view.setUint32(4 * (i + 1), y[i]!, true);
  return bytes;
}

/**
 * Ten uniform field elements, by rejection: 31 random bits are the prime itself once in two thousand million
 * times.
 */
function sampleLimbs(random: Random): number[] {
  const drawn: number[] = [];
  for (let draws = 0; drawn.length < limbs; draws++) {
    if (draws === 2 * limbs) throw new CryptoError('InvalidArgument', 'random bytes are not random');
    const bytes = random(4);
    const number = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) & prime;
    if (number < prime) drawn.push(number);
  }
  return drawn;
}

/** The polynomials at x, by Horner's rule; coefficient 0 first. */
function evaluate(coefficients: readonly (readonly number[])[], x: number): Share {
  let y = new Array<number>(limbs).fill(0);
  for (const coefficient of coefficients.toReversed()) {
    y = y.map((value, limb) => (multiply(value, x) + coefficient[limb]!) % prime);
  }
  return { x, y };
}

/** The polynomials through `points` at x, by Lagrange's formula. */
function interpolate(points: readonly Share[], x: number): Share {
  const y = new Array<number>(limbs).fill(0);
  for (const point of points) {
    let numerator = 1;
    let denominator = 1;
    for (const other of points) {
      if (other === point) continue;
      numerator = multiply(numerator, subtract(x, other.x));
      denominator = multiply(denominator, subtract(point.x, other.x));
    }
    const weight = multiply(numerator, power(denominator, prime - 2));
    for (let limb = 0; limb < limbs; limb++) y[limb] = (y[limb]! + multiply(point.y[limb]!, weight)) % prime;
  }
  return { x, y };
}

function subtract(a: number, b: number): number {
  return (a - b + prime) % prime;
}

/** The product needs 62 bits. */
function multiply(a: number, b: number): number {
  return Number((BigInt(a) * BigInt(b)) % BigInt(prime));
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let rest = exponent, square = base; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

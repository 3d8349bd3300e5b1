import { checkPrimeSync, createPrivateKey } from 'node:crypto';
import { inverse, toBytes, toNumber } from './big-numbers.ts';
import { between, generator, type Random } from './random.ts';

/** How many keys there are. Making one takes a while, and whose it is matters to nobody. */
const KEYS = 4;
const PRIME_BITS = 1024;
const EXPONENT = 65_537n;

const made = new Map<number, Uint8Array>();

/** One of a few RSA keys of 2048 bits (PKCS#8 DER), the same for the same choice in every run. */
export function seededRsaKey(choice: number): Uint8Array {
  const number = choice % KEYS;
  const known = made.get(number) ?? make(number);
  made.set(number, known);
  return known;
}

function make(number: number): Uint8Array {
  const random = generator(`rsa/${number}`);
  const [p, q] = [prime(random), prime(random)];
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n));
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'RSA',
      n: text(p * q),
      e: text(EXPONENT),
      d: text(d),
      p: text(p),
      q: text(q),
      dp: text(d % (p - 1n)),
      dq: text(d % (q - 1n)),
      qi: text(inverse(q, p)),
    },
  });
  return new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }));
}

/** The two highest bits are set, so that the product of two has twice as many. */
function prime(random: Random): bigint {
  const bytes = Uint8Array.from({ length: PRIME_BITS / 8 }, () => between(random, 0, 255));
  bytes[0]! |= 0xc0;
  let candidate = toNumber(bytes) | 1n;
  while (candidate % EXPONENT === 1n || !checkPrimeSync(candidate)) candidate += 2n;
  return candidate;
}

function text(value: bigint): string {
  return Buffer.from(toBytes(value)).toString('base64url');
}

import { p256, p384, p521 } from '@noble/curves/nist.js';
import type { Curve } from './backend.ts';

export const nobleCurves = { 'P-256': p256, 'P-384': p384, 'P-521': p521 } as const;

/** ECDSA over a ready digest, in JavaScript. */
export function verifyDigest(
  curve: Curve,
  point: Uint8Array,
  signature: Uint8Array,
  digest: Uint8Array,
): boolean {
  return nobleCurves[curve].verify(signature, digest, point, {
    prehash: false,
    lowS: false,
    format: 'compact',
  });
}

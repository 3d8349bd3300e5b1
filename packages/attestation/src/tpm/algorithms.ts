import type { HashName } from '@coco/crypto';
import { refuse } from '../errors.ts';

/** Hashes of TPMs that are accepted, by TCG number (TPM 2.0 Library, part 2, "TPM_ALG_ID"). */
export const tpmHashes: Readonly<Record<number, { readonly hash: HashName; readonly bytes: number }>> = {
  11: { hash: 'SHA-256', bytes: 32 },
  12: { hash: 'SHA-384', bytes: 48 },
  13: { hash: 'SHA-512', bytes: 64 },
};

/** The hash of SHA-1: read, so that it can be refused by name. */
export const tpmSha1 = 0x0004;
export const tpmNull = 0x0010;
export const signatureScheme = { rsaPkcs1: 0x0014, rsaPss: 0x0016, ecdsa: 0x0018 } as const;
export const keyType = { rsa: 0x0001, ecc: 0x0023 } as const;

/** An accepted hash; SHA-1 and the unknown are refused. */
export function tpmHash(algorithm: number): { readonly hash: HashName; readonly bytes: number } {
  if (algorithm === tpmSha1) refuse('SHA-1 is not accepted');
  const row = Object.hasOwn(tpmHashes, algorithm) ? tpmHashes[algorithm] : undefined;
  return row ?? refuse(`hash 0x${algorithm.toString(16)} is not accepted`);
}

import { type PublicKey, verifyEcdsa, verifyRsaPkcs1, verifyRsaPss } from '@coco/crypto';
import { insist, refuse } from '../errors.ts';
import { banksMax } from '../limits.ts';
import { Reader } from '../reader.ts';
import { signatureScheme, tpmHash } from './algorithms.ts';

/** What every attestation begins with, and nothing else a restricted key signs does. */
export const attestMagic = 0xff544347;
const quoteType = 0x8018;

/** The registers of one bank that a quote covers, ascending. */
export interface Selection {
  readonly bank: number;
  readonly indices: readonly number[];
}

/** TPMS_ATTEST of a quote (TPM 2.0 Library, part 2, 10.12). Nothing in it is proven yet. */
export interface TpmAttest {
  readonly qualifiedSigner: string;
  readonly extraData: Uint8Array;
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly firmwareVersion: bigint;
  readonly selections: readonly Selection[];
  readonly pcrDigest: Uint8Array;
}

/** Insists that the structure was made inside a TPM: a restricted key signs nothing else that begins so. */
export function checkMagic(bytes: Uint8Array): void {
  const magic = new Reader(bytes, 'attestation', 'big').u32();
  insist(
    magic === attestMagic,
    `the attestation begins with ${magic.toString(16)}, which is not the TPM's magic`,
  );
}

/** Insists that the attestation is a quote, and not about a key, a time or a creation. */
export function checkQuoteType(bytes: Uint8Array): void {
  const reader = new Reader(bytes, 'attestation', 'big');
  reader.u32();
  const type = reader.u16();
  insist(type === quoteType, `an attestation of type ${type.toString(16)} is not a quote`);
}

/** Takes a quote apart. */
export function parseAttest(bytes: Uint8Array): TpmAttest {
  const reader = new Reader(bytes, 'attestation', 'big');
  reader.take(6);
  const signer = reader.take(reader.u16()).toHex();
  const extraData = reader.take(reader.u16());
  const clock = reader.u64();
  const [resetCount, restartCount] = [reader.u32(), reader.u32()];
  reader.u8();
  const firmwareVersion = reader.u64();
  const count = reader.u32();
  insist(count <= banksMax, `the quote selects from ${count} banks: at most ${banksMax}`);
  const selections = Array.from({ length: count }, () => readSelection(reader));
  const pcrDigest = reader.take(reader.u16());
  reader.end();
  return {
    qualifiedSigner: signer,
    extraData,
    clock,
    resetCount,
    restartCount,
    firmwareVersion,
    selections,
    pcrDigest,
  };
}

function readSelection(reader: Reader): Selection {
  const bank = reader.u16();
  const bitmap = reader.take(reader.u8());
  insist(bitmap.length <= 4, `the quote selects from ${bitmap.length * 8} registers`);
  const indices = [...bitmap].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].flatMap((bit) => (((byte >> bit) & 1) === 1 ? [at * 8 + bit] : [])),
  );
  return { bank, indices };
}

/** TPMT_SIGNATURE. RSA: the signature; ECDSA: r and s as the TPM gives them, without leading zeros perhaps. */
export interface TpmSignature {
  readonly scheme: number;
  readonly hash: number;
  readonly parts: readonly Uint8Array[];
}

/** Takes a signature apart. */
export function parseSignature(bytes: Uint8Array): TpmSignature {
  const reader = new Reader(bytes, 'TPM signature', 'big');
  const [scheme, hash] = [reader.u16(), reader.u16()];
  const parts = [reader.take(reader.u16())];
  if (scheme === signatureScheme.ecdsa) parts.push(reader.take(reader.u16()));
  reader.end();
  return { scheme, hash, parts };
}

/** Verifies the signature over the attestation by whatever scheme the key has. */
export function verifyTpmSignature(key: PublicKey, signature: TpmSignature, attest: Uint8Array): void {
  const { hash } = tpmHash(signature.hash);
  const [first = new Uint8Array(0), second = new Uint8Array(0)] = signature.parts;
  switch (signature.scheme) {
    case signatureScheme.rsaPkcs1:
      verifyRsaPkcs1(key, first, attest, { hash });
      return;
    case signatureScheme.rsaPss:
      verifyRsaPss(key, first, attest, { hash, saltLength: 'auto' });
      return;
    case signatureScheme.ecdsa:
      verifyEcdsa(key, fixedWidth(first, second, key), attest, { hash, format: 'p1363' });
      return;
    default:
      refuse(`signature scheme 0x${signature.scheme.toString(16)} is not accepted`);
  }
}

function fixedWidth(r: Uint8Array, s: Uint8Array, key: PublicKey): Uint8Array {
  const size = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }[key.curve ?? 'P-256'];
  insist(r.length <= size && s.length <= size, 'the signature is too long for the curve of the key');
  const both = new Uint8Array(2 * size);
  both.set(r, size - r.length);
  both.set(s, 2 * size - s.length);
  return both;
}

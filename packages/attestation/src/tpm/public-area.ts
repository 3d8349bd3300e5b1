import { concatBytes, digest, type PublicKey, publicKeyFromJwk, toBase64Url } from '@coco/crypto';
import { insist, refuse } from '../errors.ts';
import { Reader } from '../reader.ts';
import { keyType, tpmHash, tpmNull } from './algorithms.ts';

/** A TPM's key: TPMT_PUBLIC (TPM 2.0 Library, part 2, 12.2.4). */
export interface PublicArea {
  readonly key: PublicKey;
  readonly attributes: number;
  /** Hash of what the key signs with; undefined when it may sign with any. */
  readonly schemeHash: number | undefined;
  /** nameAlg || H(public area), hexadecimal: how the TPM refers to the key. */
  readonly name: string;
}

/** Bits of the object attributes. */
const attribute = {
  fixedTpm: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  restricted: 1 << 16,
  decrypt: 1 << 17,
  sign: 1 << 18,
} as const;

const eccCurves: Readonly<Record<number, string>> = { 3: 'P-256', 4: 'P-384', 5: 'P-521' };
const defaultExponent = 65537;
/** ECDAA has a counter after its hash. */
const ecdaa = 0x001a;

/** Takes a public area apart, with its length before it (TPM2B_PUBLIC) or bare. */
export function parsePublicArea(given: Uint8Array): PublicArea {
  const prefix = new Reader(given, 'public area', 'big').u16();
  const bytes = prefix === given.length - 2 ? given.subarray(2) : given;
  const reader = new Reader(bytes, 'public area', 'big');
  const type = reader.u16();
  const nameAlgorithm = reader.u16();
  const attributes = reader.u32();
  reader.take(reader.u16());
  const { key, schemeHash } = type === keyType.rsa ? readRsa(reader) : readEcc(reader, type);
  reader.end();
  const { hash } = tpmHash(nameAlgorithm);
  const prefixBytes = Uint8Array.of(nameAlgorithm >> 8, nameAlgorithm & 0xff);
  return { key, attributes, schemeHash, name: concatBytes(prefixBytes, digest(hash, bytes)).toHex() };
}

function readRsa(reader: Reader): Pick<PublicArea, 'key' | 'schemeHash'> {
  const schemeHash = readSchemes(reader);
  const bits = reader.u16();
  const exponent = reader.u32() || defaultExponent;
  const modulus = reader.take(reader.u16());
  insist(modulus.length * 8 === bits, `the modulus has ${modulus.length} bytes, not ${bits} bits`);
  const e = Uint8Array.fromHex(
    exponent
      .toString(16)
      .padStart(8, '0')
      .replace(/^(00)+/, ''),
  );
  const key = publicKeyFromJwk({ kty: 'RSA', n: toBase64Url(modulus), e: toBase64Url(e) });
  return { key, schemeHash };
}

function readEcc(reader: Reader, type: number): Pick<PublicArea, 'key' | 'schemeHash'> {
  insist(type === keyType.ecc, `a key of type 0x${type.toString(16)} is not understood`);
  const schemeHash = readSchemes(reader);
  const curve = eccCurves[reader.u16()] ?? refuse('the curve of the key is not understood');
  if (reader.u16() !== tpmNull) reader.u16();
  const size = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }[curve] ?? 0;
  const coordinate = () => {
    const bytes = reader.take(reader.u16());
    insist(bytes.length <= size, `a coordinate has ${bytes.length} bytes`);
    return toBase64Url(concatBytes(new Uint8Array(size - bytes.length), bytes));
  };
  return { key: publicKeyFromJwk({ kty: 'EC', crv: curve, x: coordinate(), y: coordinate() }), schemeHash };
}

/** Symmetric algorithm (null for signing keys), then the scheme with its hash. */
function readSchemes(reader: Reader): number | undefined {
  if (reader.u16() !== tpmNull) reader.take(4);
  const scheme = reader.u16();
  if (scheme === tpmNull) return undefined;
  const hash = reader.u16();
  if (scheme === ecdaa) reader.u16();
  return hash;
}

/**
 * Insists that what the key signs was made by its TPM. A key that is not restricted signs a made-up quote for
 * whoever may use it; one that is not fixed may live elsewhere.
 */
export function checkAttestationKey({ attributes, schemeHash }: PublicArea): void {
  for (const name of ['fixedTpm', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign'] as const) {
    insist((attributes & attribute[name]) !== 0, `the attestation key is not ${name}`);
  }
  insist((attributes & attribute.decrypt) === 0, 'the attestation key may decrypt');
  if (schemeHash !== undefined) tpmHash(schemeHash);
}

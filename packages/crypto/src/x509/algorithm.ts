import { id_ecdsaWithSHA256, id_ecdsaWithSHA384, id_ecdsaWithSHA512 } from '@peculiar/asn1-ecc';
import {
  id_mgf1,
  id_RSASSA_PSS,
  id_sha256,
  id_sha256WithRSAEncryption,
  id_sha384,
  id_sha384WithRSAEncryption,
  id_sha512,
  id_sha512WithRSAEncryption,
  RsaSaPssParams,
} from '@peculiar/asn1-rsa';
import { AsnConvert } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import type { HashName, Scheme } from '../backend/backend.ts';
import { curves } from '../curves.ts';
import { parseDer } from '../der.ts';
import { CryptoError } from '../errors.ts';
import { okpOids } from '../key-info.ts';
import type { PrivateKey, PublicKey } from '../keys.ts';
import { ecdsaFromDer, ecdsaToDer, sign, verify } from '../sign.ts';

/** Signature algorithms of certificates that are fully named by an object identifier. */
const schemes: Readonly<Record<string, Scheme>> = {
  [id_ecdsaWithSHA256]: { name: 'ECDSA', hash: 'SHA-256' },
  [id_ecdsaWithSHA384]: { name: 'ECDSA', hash: 'SHA-384' },
  [id_ecdsaWithSHA512]: { name: 'ECDSA', hash: 'SHA-512' },
  [id_sha256WithRSAEncryption]: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  [id_sha384WithRSAEncryption]: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  [id_sha512WithRSAEncryption]: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
  [okpOids.Ed25519]: { name: 'EdDSA' },
};

const hashes: Readonly<Record<string, HashName>> = {
  [id_sha256]: 'SHA-256',
  [id_sha384]: 'SHA-384',
  [id_sha512]: 'SHA-512',
};

/** The scheme that an AlgorithmIdentifier names. Throws `Unsupported`. */
export function schemeOf(identifier: AlgorithmIdentifier): Scheme {
  const scheme = schemes[identifier.algorithm];
  if (scheme !== undefined) return scheme;
  if (identifier.algorithm === id_RSASSA_PSS && identifier.parameters) {
    return pssScheme(new Uint8Array(identifier.parameters));
  }
  throw new CryptoError('Unsupported', `signature algorithm ${identifier.algorithm} is not supported`);
}

/** RFC 4055, section 3.1: the parameters must say hash, mask and salt; the mask must use the same hash. */
function pssScheme(parameters: Uint8Array): Scheme {
  const params = parseDer(parameters, RsaSaPssParams, 'MalformedDer', 'RSASSA-PSS parameters');
  const hash = hashes[params.hashAlgorithm.algorithm];
  const { algorithm, parameters: maskParameters } = params.maskGenAlgorithm;
  const mask = AsnConvert.parse(maskParameters ?? new ArrayBuffer(0), AlgorithmIdentifier).algorithm;
  if (hash === undefined || algorithm !== id_mgf1 || hashes[mask] !== hash) {
    throw new CryptoError('Unsupported', 'RSASSA-PSS with this hash or mask is not supported');
  }
  return { name: 'RSA-PSS', hash, saltLength: params.saltLength };
}

/** The algorithm with which a key signs certificates and requests. RSA keys sign PKCS#1 v1.5 with SHA-256. */
export function algorithmOf(key: PublicKey): { identifier: AlgorithmIdentifier; scheme: Scheme } {
  const { type } = key;
  let algorithm: string;
  switch (type.kind) {
    case 'EC':
      algorithm = oidOf((scheme) => scheme.name === 'ECDSA' && scheme.hash === curves[type.curve].hash);
      break;
    case 'RSA':
      algorithm = id_sha256WithRSAEncryption;
      break;
    case 'Ed25519':
      algorithm = okpOids.Ed25519;
      break;
    case 'X25519':
      throw new CryptoError('InvalidKey', 'an X25519 key cannot sign a certificate');
  }
  const identifier = new AlgorithmIdentifier({ algorithm });
  if (type.kind === 'RSA') identifier.parameters = null;
  return { identifier, scheme: schemeOf(identifier) };
}

function oidOf(matches: (scheme: Scheme) => boolean): string {
  return Object.keys(schemes).find((oid) => matches(schemes[oid]!))!;
}

/** Signs DER as X.509 does: ECDSA signatures are DER themselves. */
export function signDer(key: PrivateKey, scheme: Scheme, data: Uint8Array): Uint8Array {
  const signature = sign(key, scheme, data);
  const { curve } = key.publicKey;
  return curve === undefined ? signature : ecdsaToDer(signature, curve);
}

/**
 * Verifies a signature of X.509. Throws `SignatureInvalid`, `MalformedSignature`, `InvalidKey` or
 * `Unsupported`.
 */
export function verifyDer(
  key: PublicKey,
  identifier: AlgorithmIdentifier,
  signature: Uint8Array,
  data: Uint8Array,
): void {
  const scheme = schemeOf(identifier);
  const raw =
    scheme.name === 'ECDSA' && key.curve !== undefined ? ecdsaFromDer(signature, key.curve) : signature;
  verify(key, scheme, raw, data);
}

import { ECParameters, ECPrivateKey, id_ecPublicKey } from '@peculiar/asn1-ecc';
import { PrivateKeyInfo, PrivateKey as PrivateKeyOctets } from '@peculiar/asn1-pkcs8';
import { id_rsaEncryption } from '@peculiar/asn1-rsa';
import { OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import type { Curve } from './backend/backend.ts';
import { curves } from './curves.ts';
import { serializeDer } from './der.ts';

/** RFC 8410: keys of 32 bytes, the algorithm without parameters. */
export const okpOids = { Ed25519: '1.3.101.112', X25519: '1.3.101.110' } as const;
export const okpKeyBytes = 32;

const derNull = Uint8Array.of(0x05, 0x00);

/** SubjectPublicKeyInfo of an uncompressed point. */
export function ecSpki(curve: Curve, point: Uint8Array): Uint8Array {
  return spki(id_ecPublicKey, namedCurve(curve), point);
}

/** PKCS#8 of a SEC 1 `ECPrivateKey`. */
export function ecPkcs8FromSec1(parameters: Uint8Array, sec1: Uint8Array): Uint8Array {
  return pkcs8(id_ecPublicKey, parameters, sec1);
}

/** PKCS#8 of a scalar and its uncompressed point. */
export function ecPkcs8(curve: Curve, scalar: Uint8Array, point: Uint8Array): Uint8Array {
  const key = new ECPrivateKey({ version: 1, privateKey: new OctetString(Uint8Array.from(scalar)) });
  key.publicKey = Uint8Array.from(point).buffer;
  return pkcs8(id_ecPublicKey, namedCurve(curve), serializeDer(key));
}

/** SubjectPublicKeyInfo of a PKCS#1 `RSAPublicKey`. */
export function rsaSpki(pkcs1: Uint8Array): Uint8Array {
  return spki(id_rsaEncryption, derNull, pkcs1);
}

/** PKCS#8 of a PKCS#1 `RSAPrivateKey`. */
export function rsaPkcs8(pkcs1: Uint8Array): Uint8Array {
  return pkcs8(id_rsaEncryption, derNull, pkcs1);
}

/** SubjectPublicKeyInfo of an Ed25519 or X25519 key. */
export function okpSpki(kind: keyof typeof okpOids, key: Uint8Array): Uint8Array {
  return spki(okpOids[kind], undefined, key);
}

/** PKCS#8 of an Ed25519 or X25519 key: an octet string within the octet string (RFC 8410, section 7). */
export function okpPkcs8(kind: keyof typeof okpOids, secret: Uint8Array): Uint8Array {
  return pkcs8(okpOids[kind], undefined, serializeDer(new OctetString(Uint8Array.from(secret))));
}

function namedCurve(curve: Curve): Uint8Array {
  return serializeDer(new ECParameters({ namedCurve: curves[curve].oid }));
}

function spki(algorithm: string, parameters: Uint8Array | undefined, key: Uint8Array): Uint8Array {
  const subjectPublicKey = Uint8Array.from(key).buffer;
  return serializeDer(
    new SubjectPublicKeyInfo({ algorithm: identifier(algorithm, parameters), subjectPublicKey }),
  );
}

function pkcs8(algorithm: string, parameters: Uint8Array | undefined, key: Uint8Array): Uint8Array {
  return serializeDer(
    new PrivateKeyInfo({
      version: 0,
      privateKeyAlgorithm: identifier(algorithm, parameters),
      privateKey: new PrivateKeyOctets(Uint8Array.from(key)),
    }),
  );
}

function identifier(algorithm: string, parameters: Uint8Array | undefined): AlgorithmIdentifier {
  const identifier = new AlgorithmIdentifier({ algorithm });
  if (parameters !== undefined) identifier.parameters = Uint8Array.from(parameters).buffer;
  return identifier;
}

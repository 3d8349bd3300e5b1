import {
  aesKwpUnwrap,
  aesKwpWrap,
  CryptoError,
  digest,
  eddsaJwkToPem,
  eddsaPemToJwk,
  generateKeyPair,
  type HashName,
  hmac,
  importPrivateKey,
  importPublicKey,
  type Jwk,
  jwkToPem,
  type KeySpec,
  pemToJwk,
  pubEddsaJwkToPem,
  pubEddsaPemToJwk,
  pubJwkToPem,
  publicKeyOf,
  pubPemToJwk,
  pubRsaJwkToPem,
  pubRsaPemToJwk,
  rsaAesKwpUnwrap,
  rsaAesKwpWrap,
  rsaJwkToPem,
  rsaOaepUnwrap,
  rsaOaepWrap,
  rsaPemToJwk,
  signEcdsa,
  signEddsa,
  signRsaPss,
  splitPemBundle,
  verifyChain,
  verifyEcdsa,
  verifyEddsa,
  verifyRsaPss,
} from '@coco/crypto';
import type { HostFunction, HostValue } from '../call.ts';
import { bytes, count, record, text } from './arguments.ts';

type Table = Readonly<Record<string, HostFunction>>;

/** `ccf.crypto`, by path. Random bytes for AES keys come from `random`; asymmetric keys from the backend. */
export function cryptoFunctions(random: (length: number) => Uint8Array): Table {
  return {
    'ccf.crypto.generateAesKey': { arity: 1, call: (bits) => random(aesKeyBytes(bits)) },
    ...keyPairs,
    'ccf.crypto.wrapKey': {
      arity: 3,
      call: (key, wrapping, how) => wrapKey(bytes(key, 'key'), bytes(wrapping, 'wrappingKey'), how, random),
    },
    'ccf.crypto.unwrapKey': {
      arity: 3,
      call: (key, unwrapping, how) => unwrapKey(bytes(key, 'key'), bytes(unwrapping, 'unwrappingKey'), how),
    },
    'ccf.crypto.sign': {
      arity: 3,
      call: (algorithm, key, data) => sign(algorithm, text(key, 'key'), bytes(data, 'plaintext')),
    },
    'ccf.crypto.verifySignature': {
      arity: 4,
      call: (algorithm, key, signature, data) =>
        verifySignature(algorithm, text(key, 'key'), bytes(signature, 'signature'), bytes(data, 'plaintext')),
    },
    'ccf.crypto.digest': {
      arity: 2,
      call: (algorithm, data) => {
        if (algorithm === 'SHA-256') return digest('SHA-256', bytes(data, 'plaintext'));
        throw new RangeError('unsupported digest algorithm, supported: SHA-256');
      },
    },
    'ccf.crypto.isValidX509CertBundle': { arity: 1, call: (pem) => isBundle(text(pem, 'pem')) },
    'ccf.crypto.isValidX509CertChain': {
      arity: 2,
      call: (chain, trusted) => isChain(text(chain, 'chain'), text(trusted, 'trusted')),
    },
    ...jwkConversions,
  };
}

const keyPairs: Table = {
  'ccf.crypto.generateRsaKeyPair': {
    arity: 2,
    optional: 1,
    call: (bits, exponent) =>
      keyPair({
        kind: 'RSA',
        bits: count(bits, 'size'),
        ...(exponent === undefined ? undefined : { exponent: count(exponent, 'exponent') }),
      }),
  },
  'ccf.crypto.generateEcdsaKeyPair': {
    arity: 1,
    call: (curve) => {
      if (curve === 'secp256r1') return keyPair({ kind: 'EC', curve: 'P-256' });
      if (curve === 'secp384r1') return keyPair({ kind: 'EC', curve: 'P-384' });
      throw new RangeError('Unsupported curve id, supported: secp256r1, secp384r1');
    },
  },
  'ccf.crypto.generateEddsaKeyPair': {
    arity: 1,
    call: (curve) => {
      if (curve === 'curve25519') return keyPair({ kind: 'Ed25519' });
      if (curve === 'x25519') return keyPair({ kind: 'X25519' });
      throw new RangeError('Unsupported EdDSA curve id, supported: curve25519, x25519');
    },
  },
};

function aesKeyBytes(bits: HostValue): number {
  if (bits === 128 || bits === 192 || bits === 256) return bits / 8;
  throw new RangeError('invalid key size (not one of 128, 192, 256)');
}

function keyPair(spec: KeySpec): HostValue {
  const key = generateKeyPair(spec);
  return { privateKey: key.exportPem(), publicKey: key.publicKey.pem };
}

const pemOf = (key: Uint8Array): string => String.fromCharCode(...key);
const unsupportedWrapping = () =>
  new RangeError('unsupported key wrapping algorithm, supported: RSA-OAEP, AES-KWP, RSA-OAEP-AES-KWP');

function labelOf(how: Readonly<Record<string, HostValue>>): Uint8Array | undefined {
  return how.label === undefined ? undefined : bytes(how.label, 'label');
}

function wrapKey(
  key: Uint8Array,
  wrapping: Uint8Array,
  algorithm: HostValue,
  random: (length: number) => Uint8Array,
): HostValue {
  const how = record(algorithm, 'wrapAlgo');
  switch (how.name) {
    case 'RSA-OAEP':
      return rsaOaepWrap(importPublicKey(pemOf(wrapping)), key, labelOf(how));
    case 'AES-KWP':
      return aesKwpWrap(wrapping, key);
    case 'RSA-OAEP-AES-KWP': {
      const label = labelOf(how);
      const aesKey = random(aesKeyBytes(how.aesKeySize));
      return rsaAesKwpWrap(importPublicKey(pemOf(wrapping)), key, { aesKey, ...(label && { label }) });
    }
    default:
      throw unsupportedWrapping();
  }
}

function unwrapKey(key: Uint8Array, unwrapping: Uint8Array, algorithm: HostValue): HostValue {
  const how = record(algorithm, 'wrapAlgo');
  switch (how.name) {
    case 'RSA-OAEP':
      return rsaOaepUnwrap(importPrivateKey(pemOf(unwrapping)), key, labelOf(how));
    case 'AES-KWP':
      return aesKwpUnwrap(unwrapping, key);
    case 'RSA-OAEP-AES-KWP':
      return rsaAesKwpUnwrap(importPrivateKey(pemOf(unwrapping)), key, labelOf(how));
    default:
      throw unsupportedWrapping();
  }
}

function hashOf(name: HostValue): HashName {
  if (name === 'SHA-256' || name === 'SHA-384' || name === 'SHA-512') return name;
  throw new RangeError('Unsupported hash algorithm, supported: SHA-256, SHA-384, SHA-512');
}

function saltOf(length: HostValue): number {
  return length === undefined ? 0 : count(length, 'saltLength');
}

function sign(algorithm: HostValue, key: string, data: Uint8Array): HostValue {
  const how = record(algorithm, 'algorithm');
  switch (how.name) {
    case 'ECDSA': {
      const hash = hashOf(how.hash);
      return orFailed('sign', () => signEcdsa(importPrivateKey(key), data, { hash, format: 'p1363' }));
    }
    case 'RSA-PSS': {
      const options = { hash: hashOf(how.hash), saltLength: saltOf(how.saltLength) };
      return orFailed('sign', () => signRsaPss(importPrivateKey(key), data, options));
    }
    case 'EdDSA':
      return orFailed('sign', () => signEddsa(importPrivateKey(key), data));
    case 'HMAC':
      return hmac(hashOf(how.hash), new TextEncoder().encode(key), data);
    default:
      throw new RangeError('Unsupported signing algorithm, supported: RSA-PSS, ECDSA, EdDSA, HMAC');
  }
}

/** False for a signature that is not the key's; throws for what is no signature or no key. All hashes are taken. */
function verifySignature(
  algorithm: HostValue,
  pem: string,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  const how = record(algorithm, 'algorithm');
  const key = orFailed('verify signature', () => publicKeyOf(pem));
  switch (how.name) {
    case 'ECDSA': {
      const hash = hashOf(how.hash);
      return holds(() => verifyEcdsa(key, signature, data, { hash, format: 'p1363' }));
    }
    case 'RSA-PSS': {
      const options = { hash: hashOf(how.hash), saltLength: saltOf(how.saltLength) };
      return holds(() => verifyRsaPss(key, signature, data, options));
    }
    case 'EdDSA':
      return holds(() => verifyEddsa(key, signature, data));
    default:
      throw new RangeError('Unsupported signing algorithm, supported: RSA-PSS, ECDSA, EdDSA');
  }
}

function holds(verify: () => void): boolean {
  try {
    verify();
    return true;
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'SignatureInvalid') return false;
    throw failure('verify signature', error);
  }
}

function orFailed<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failure(what, error);
  }
}

function failure(what: string, error: unknown): Error {
  return new Error(`Failed to ${what}: ${error instanceof Error ? error.message : String(error)}`);
}

function isBundle(pem: string): boolean {
  try {
    return splitPemBundle(pem).length > 0;
  } catch {
    return false;
  }
}

function isChain(chain: string, trusted: string): boolean {
  try {
    return verifyChain(splitPemBundle(chain), splitPemBundle(trusted)).length > 0;
  } catch {
    return false;
  }
}

const toJwk = (convert: (pem: string, kid?: string) => Jwk): HostFunction => ({
  arity: 2,
  optional: 1,
  call: (pem, kid) => {
    const jwk = kid === undefined ? convert(text(pem, 'pem')) : convert(text(pem, 'pem'), text(kid, 'kid'));
    return jwk as unknown as HostValue;
  },
});

const toPem = (convert: (jwk: Jwk) => string): HostFunction => ({
  arity: 1,
  call: (jwk) => convert(record(jwk, 'jwk') as unknown as Jwk),
});

const jwkConversions: Table = {
  'ccf.crypto.pubPemToJwk': toJwk(pubPemToJwk),
  'ccf.crypto.pemToJwk': toJwk(pemToJwk),
  'ccf.crypto.pubRsaPemToJwk': toJwk(pubRsaPemToJwk),
  'ccf.crypto.rsaPemToJwk': toJwk(rsaPemToJwk),
  'ccf.crypto.pubEddsaPemToJwk': toJwk(pubEddsaPemToJwk),
  'ccf.crypto.eddsaPemToJwk': toJwk(eddsaPemToJwk),
  'ccf.crypto.pubJwkToPem': toPem(pubJwkToPem),
  'ccf.crypto.jwkToPem': toPem(jwkToPem),
  'ccf.crypto.pubRsaJwkToPem': toPem(pubRsaJwkToPem),
  'ccf.crypto.rsaJwkToPem': toPem(rsaJwkToPem),
  'ccf.crypto.pubEddsaJwkToPem': toPem(pubEddsaJwkToPem),
  'ccf.crypto.eddsaJwkToPem': toPem(eddsaJwkToPem),
};

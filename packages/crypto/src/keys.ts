import { ECPrivateKey } from '@peculiar/asn1-ecc';
import { backend, type PrivateHandle, type PublicHandle } from '#backend';
import type { Curve, Held, KeyKind, KeySpec, KeyType } from './backend/backend.ts';
import { checkDer, parseDer, serializeDer } from './der.ts';
import { CryptoError, orMalformed } from './errors.ts';
import { sha256Hex } from './hash.ts';
import { ecPkcs8FromSec1, rsaPkcs8, rsaSpki } from './key-info.ts';
import { rsaBits } from './limits.ts';
import { decodePem, encodePem, type PemBlock, singlePem } from './pem.ts';

export let publicHandle: (key: PublicKey) => PublicHandle;
export let privateHandle: (key: PrivateKey) => PrivateHandle;

/**
 * A public key. Equal keys have equal `spki` and `id`. Made by `importPublicKey` and with each private key.
 */
export class PublicKey {
  readonly type: KeyType;
  /** DER SubjectPublicKeyInfo in its one canonical form: named curve, uncompressed point. */
  readonly spki: Uint8Array;
  #handle: PublicHandle | undefined;
  #id: string | undefined;

  constructor(type: KeyType, spki: Uint8Array, handle?: PublicHandle) {
    this.type = type;
    this.spki = spki;
    this.#handle = handle;
  }

  get kind(): KeyKind {
    return this.type.kind;
  }

  /** The curve of an EC key. */
  get curve(): Curve | undefined {
    return this.type.kind === 'EC' ? this.type.curve : undefined;
  }

  /** Hexadecimal SHA-256 of `spki`: a node's identifier, and the `kid` of a service key. */
  get id(): string {
    this.#id ??= sha256Hex(this.spki);
    return this.#id;
  }

  /** A PEM block `PUBLIC KEY`. */
  get pem(): string {
    return encodePem('PUBLIC KEY', this.spki);
  }

  static {
    publicHandle = (key) => {
      key.#handle ??= backend.importPublicKey(key.spki).handle;
      return key.#handle;
    };
  }
}

/**
 * A private key. Opaque: it shows in neither `toString`, JSON nor inspection; only `exportPem` gives it away.
 */
export class PrivateKey {
  readonly publicKey: PublicKey;
  readonly #handle: PrivateHandle;

  constructor(held: Held<PrivateHandle>) {
    this.publicKey = new PublicKey(held.type, held.spki);
    this.#handle = held.handle;
  }

  get kind(): KeyKind {
    return this.publicKey.kind;
  }

  /** The secret, as a PEM block `PRIVATE KEY` (PKCS#8, not encrypted). */
  exportPem(): string {
    return encodePem('PRIVATE KEY', backend.exportPrivateKey(this.#handle));
  }

  static {
    privateHandle = (key) => key.#handle;
  }
}

/** Generates a key pair with the backend's own random generator. */
export function generateKeyPair(spec: Curve | KeySpec): PrivateKey {
  const full: KeySpec = typeof spec === 'string' ? { kind: 'EC', curve: spec } : spec;
  if (full.kind === 'RSA' && !(full.bits >= rsaBits.min && full.bits <= rsaBits.max)) {
    throw new CryptoError(
      'InvalidArgument',
      `RSA key of ${full.bits} bits: ${rsaBits.min} to ${rsaBits.max}`,
    );
  }
  return new PrivateKey(
    orMalformed('InvalidArgument', `cannot generate a ${full.kind} key of these parameters`, () =>
      backend.generatePrivateKey(full),
    ),
  );
}

/**
 * Reads a public key: PEM `PUBLIC KEY` or `RSA PUBLIC KEY`, or DER SubjectPublicKeyInfo. Throws `InvalidKey`,
 * `InvalidEncoding`, or `Unsupported` for a key of another kind. For certificates see `publicKeyOf`.
 */
export function importPublicKey(pemOrDer: string | Uint8Array): PublicKey {
  if (typeof pemOrDer !== 'string') return publicKeyFromSpki(pemOrDer);
  const block = singlePem(pemOrDer, 'PUBLIC KEY', 'RSA PUBLIC KEY');
  return publicKeyFromSpki(block.label === 'PUBLIC KEY' ? block.der : rsaSpki(block.der));
}

/**
 * Reads a private key: PEM `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (SEC 1) or `RSA PRIVATE KEY` (PKCS#1).
 */
export function importPrivateKey(pem: string): PrivateKey {
  // `openssl ecparam -genkey` writes the curve in a block of its own before the key, which names it again.
  const blocks = decodePem(pem).filter((block) => block.label !== 'EC PARAMETERS');
  const [block] = blocks;
  if (block === undefined || blocks.length !== 1) {
    throw new CryptoError('InvalidKey', 'expected one private key in the PEM text');
  }
  return privateKeyFromPkcs8(pkcs8Of(block));
}

/** A key of which only the DER PKCS#8 form is at hand. */
export function privateKeyFromPkcs8(pkcs8: Uint8Array): PrivateKey {
  return new PrivateKey(
    orMalformed('InvalidKey', 'not a private key', () => {
      checkDer(pkcs8);
      return checked(backend.importPrivateKey(pkcs8));
    }),
  );
}

function publicKeyFromSpki(spki: Uint8Array): PublicKey {
  const held = orMalformed('InvalidKey', 'not a public key', () => {
    checkDer(spki);
    return checked(backend.importPublicKey(spki));
  });
  return new PublicKey(held.type, held.spki, held.handle);
}

/** A hostile modulus of a million bits would make each verification take seconds. */
function checked<Handle>(held: Held<Handle>): Held<Handle> {
  if (held.type.kind === 'RSA' && held.type.bits > rsaBits.max) {
    throw new CryptoError('Unsupported', `RSA key of ${held.type.bits} bits: at most ${rsaBits.max}`);
  }
  return held;
}

function pkcs8Of(block: PemBlock): Uint8Array {
  switch (block.label) {
    case 'PRIVATE KEY':
      return block.der;
    case 'EC PRIVATE KEY': {
      const { parameters } = parseDer(block.der, ECPrivateKey, 'InvalidKey', 'EC private key');
      if (parameters === undefined) throw new CryptoError('InvalidKey', 'EC private key names no curve');
      return ecPkcs8FromSec1(serializeDer(parameters), block.der);
    }
    case 'RSA PRIVATE KEY':
      return rsaPkcs8(block.der);
    default:
      throw new CryptoError('InvalidKey', `PEM block ${block.label} is not a private key that can be read`);
  }
}

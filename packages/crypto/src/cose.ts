import type { Curve, KeyKind, Scheme } from './backend/backend.ts';
import { CborTag, type CborValue, decodeCbor, encodeCbor, isCborArray, isCborMap } from './cbor.ts';
import { CryptoError } from './errors.ts';
import type { PrivateKey, PublicKey } from './keys.ts';
import { sign, verify } from './sign.ts';

/** A header label: an integer of the IANA registry or a text of one's own. */
export type CoseLabel = number | string;
export type CoseHeaders = ReadonlyMap<CoseLabel, CborValue>;

/** Labels used here (IANA "COSE Header Parameters"). */
export const coseLabel = { alg: 1, crit: 2, contentType: 3, kid: 4, cwtClaims: 15, x5chain: 33 } as const;

/** One signature algorithm: its IANA number, and the only keys it goes with. */
export interface CoseAlgorithm {
  readonly id: number;
  readonly name: string;
  readonly kind: KeyKind;
  readonly curve?: Curve;
  readonly scheme: Scheme;
}

/** RFC 9053 allows an ES algorithm with any curve; here, as in CCF, each curve goes with its own hash. */
export const coseAlgorithms: readonly CoseAlgorithm[] = [
  { id: -7, name: 'ES256', kind: 'EC', curve: 'P-256', scheme: { name: 'ECDSA', hash: 'SHA-256' } },
  { id: -35, name: 'ES384', kind: 'EC', curve: 'P-384', scheme: { name: 'ECDSA', hash: 'SHA-384' } },
  { id: -36, name: 'ES512', kind: 'EC', curve: 'P-521', scheme: { name: 'ECDSA', hash: 'SHA-512' } },
  { id: -8, name: 'EdDSA', kind: 'Ed25519', scheme: { name: 'EdDSA' } },
  { id: -37, name: 'PS256', kind: 'RSA', scheme: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 } },
  { id: -38, name: 'PS384', kind: 'RSA', scheme: { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48 } },
  { id: -39, name: 'PS512', kind: 'RSA', scheme: { name: 'RSA-PSS', hash: 'SHA-512', saltLength: 64 } },
];

const sign1Tag = 18;
const emptyBytes = new Uint8Array(0);
/** Labels whose meaning is known wherever this is called, so that they may stand in `crit`. */
const understoodLabels: readonly CoseLabel[] = Object.values(coseLabel);

/** A parsed COSE_Sign1 (RFC 9052, section 4.2). Nothing in it is verified yet. */
export interface Sign1 {
  readonly protected: CoseHeaders;
  /** The protected header as received: the signature is over these bytes, not over a re-encoding. */
  readonly protectedBytes: Uint8Array;
  readonly unprotected: CoseHeaders;
  /** Null when detached. */
  readonly payload: Uint8Array | null;
  readonly signature: Uint8Array;
}

/** What to sign. The protected header's `alg` is taken from the key when it is not there. */
export interface Sign1Content {
  readonly protected: CoseHeaders;
  readonly unprotected?: CoseHeaders;
  readonly payload: Uint8Array;
  /** Leave the payload out of the message: the verifier must have it from elsewhere. */
  readonly detached?: boolean;
  readonly externalAad?: Uint8Array;
}

/** A message ready to be signed elsewhere, as by a hardware module. */
export interface Sign1Draft {
  readonly algorithm: CoseAlgorithm;
  /** The exact bytes to sign; the algorithm hashes them. */
  readonly toBeSigned: Uint8Array;
  /** The message, given the signature (ECDSA: r || s). */
  assemble(signature: Uint8Array): Uint8Array;
}

/** Signs a COSE_Sign1 with tag 18. Throws `InvalidKey` when the key does not go with the header's `alg`. */
export function signSign1(content: Sign1Content, key: PrivateKey): Uint8Array {
  const draft = draftSign1(content, key.publicKey);
  return draft.assemble(sign(key, draft.algorithm.scheme, draft.toBeSigned));
}

/**
 * First step of signing elsewhere. The same content gives the same draft, so the steps may be processes
 * apart.
 */
export function draftSign1(content: Sign1Content, key: PublicKey): Sign1Draft {
  const headers = new Map<CborValue, CborValue>(content.protected);
  const alg = headers.get(coseLabel.alg);
  const algorithm = alg === undefined ? coseAlgorithmOf(key) : algorithmFor(alg, key);
  headers.set(coseLabel.alg, algorithm.id);
  const protectedBytes = encodeCbor(headers);
  return {
    algorithm,
    toBeSigned: sigStructure(protectedBytes, content.payload, content.externalAad),
    assemble: (signature) =>
      encodeSign1({
        protectedBytes,
        unprotected: content.unprotected ?? new Map(),
        payload: content.detached === true ? null : content.payload,
        signature,
      }),
  };
}

/** Writes a COSE_Sign1 from its parts: with a parsed message, to change its unprotected header. */
export function encodeSign1(message: Omit<Sign1, 'protected'>): Uint8Array {
  const { protectedBytes, unprotected, payload, signature } = message;
  return encodeCbor(new CborTag(sign1Tag, [protectedBytes, unprotected, payload, signature]));
}

/**
 * Parses a COSE_Sign1. It must bear tag 18, unless the tag is `optional`: some sources, AWS Nitro documents
 * among them, leave it out. Throws `MalformedCose` or `MalformedCbor`.
 */
export function parseSign1(bytes: Uint8Array, tag: 'required' | 'optional' = 'required'): Sign1 {
  const parts = untag(decodeCbor(bytes, 'any'), tag);
  if (!isCborArray(parts) || parts.length !== 4) throw malformed('COSE_Sign1 is not an array of four');
  const [protectedBytes, unprotected, payload, signature] = parts;
  if (!(protectedBytes instanceof Uint8Array)) throw malformed('COSE protected header is not a byte string');
  if (!(signature instanceof Uint8Array)) throw malformed('COSE signature is not a byte string');
  if (payload !== null && !(payload instanceof Uint8Array))
    throw malformed('COSE payload is neither bytes nor null');
  const sign1: Sign1 = {
    protected: parseProtected(protectedBytes),
    protectedBytes,
    unprotected: headersOf(unprotected, 'unprotected'),
    payload,
    signature,
  };
  for (const label of sign1.protected.keys()) {
    if (sign1.unprotected.has(label))
      throw malformed(`COSE header ${label} is both protected and unprotected`);
  }
  return sign1;
}

/**
 * Verifies a parsed message and returns its payload. When that is detached it is given, and then the message
 * must not hold one. Throws `SignatureInvalid`, `MalformedSignature`, `InvalidKey` when `alg` does not go
 * with the key, `MalformedCose` when there is not exactly one payload, or `Unsupported` for a critical label
 * nobody understands.
 */
export function verifySign1(
  message: Sign1,
  key: PublicKey,
  detachedPayload?: Uint8Array,
  options: VerifySign1Options = {},
): Uint8Array {
  const algorithm = algorithmFor(message.protected.get(coseLabel.alg), key);
  checkCritical(message.protected, options.understood ?? []);
  const payload = payloadOf(message, detachedPayload);
  const toBeSigned = sigStructure(message.protectedBytes, payload, options.externalAad);
  verify(key, algorithm.scheme, message.signature, toBeSigned);
  return payload;
}

export interface VerifySign1Options {
  readonly externalAad?: Uint8Array;
  /**
   * Labels beyond the registered ones that the caller acts upon, and that may therefore be marked critical.
   */
  readonly understood?: readonly CoseLabel[];
}

/** The Sig_structure of RFC 9052, section 4.4: the bytes that a COSE_Sign1 signature is over. */
export function sigStructure(
  protectedBytes: Uint8Array,
  payload: Uint8Array,
  externalAad: Uint8Array = emptyBytes,
): Uint8Array {
  return encodeCbor(['Signature1', protectedBytes, externalAad, payload]);
}

/**
 * The algorithm that a message's `alg` names, if it goes with the key. Throws `InvalidKey` or `Unsupported`.
 */
function algorithmFor(alg: CborValue, key: PublicKey): CoseAlgorithm {
  const row = coseAlgorithms.find(({ id }) => id === alg);
  if (row === undefined) throw new CryptoError('Unsupported', `COSE alg ${String(alg)} is not supported`);
  if (!goesWith(row, key)) {
    throw new CryptoError(
      'InvalidKey',
      `COSE alg ${row.name} does not go with this key (${key.curve ?? key.kind})`,
    );
  }
  return row;
}

/**
 * The algorithm a key signs with when nothing else is said; PS256 for RSA. Throws `InvalidKey` when there is
 * none.
 */
export function coseAlgorithmOf(key: PublicKey): CoseAlgorithm {
  const row = coseAlgorithms.find((row) => goesWith(row, key));
  if (row === undefined)
    throw new CryptoError('InvalidKey', `no COSE algorithm goes with a key of kind ${key.kind}`);
  return row;
}

function goesWith(row: CoseAlgorithm, key: PublicKey): boolean {
  return row.kind === key.kind && row.curve === key.curve;
}

function untag(message: CborValue, tag: 'required' | 'optional'): CborValue {
  if (message instanceof CborTag && message.tag === sign1Tag) return message.value;
  if (tag === 'optional' && isCborArray(message)) return message;
  throw malformed(`COSE message has no tag ${sign1Tag}`);
}

function parseProtected(bytes: Uint8Array): CoseHeaders {
  return bytes.length === 0 ? new Map() : headersOf(decodeCbor(bytes, 'any'), 'protected');
}

function headersOf(value: CborValue, which: string): CoseHeaders {
  if (!isCborMap(value)) throw malformed(`COSE ${which} header is not a map`);
  for (const label of value.keys()) {
    if (typeof label !== 'string' && typeof label !== 'number') {
      throw malformed(`COSE ${which} header has a label that is neither integer nor text`);
    }
  }
  return value as CoseHeaders;
}

/** RFC 9052, section 3.1: a message with a critical label that is not understood must not be accepted. */
function checkCritical(headers: CoseHeaders, understood: readonly CoseLabel[]): void {
  if (!headers.has(coseLabel.crit)) return;
  const critical = headers.get(coseLabel.crit);
  if (!isCborArray(critical) || critical.length === 0)
    throw malformed('COSE crit header is not a list of labels');
  for (const label of critical) {
    if (typeof label !== 'string' && typeof label !== 'number')
      throw malformed('COSE crit header names no label');
    if (!headers.has(label)) throw malformed(`COSE crit header names ${label}, which is not protected`);
    if (!understoodLabels.includes(label) && !understood.includes(label)) {
      throw new CryptoError('Unsupported', `COSE header ${label} is critical and not understood`);
    }
  }
}

function payloadOf(message: Sign1, detached: Uint8Array | undefined): Uint8Array {
  if (message.payload !== null) {
    if (detached === undefined) return message.payload;
    throw malformed('COSE payload is attached where a detached one was expected');
  }
  if (detached === undefined) throw malformed('COSE payload is detached and was not given');
  return detached;
}

function malformed(message: string): CryptoError {
  return new CryptoError('MalformedCose', message);
}

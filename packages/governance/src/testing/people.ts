import type { GovMessageType } from '@coco/api';
import { generateKeyPair, issueCertificate, type PrivateKey, sha256, signSign1 } from '@coco/crypto';

const dayMs = 24 * 60 * 60 * 1000;
/** The moment tests happen at, in ms: 2026-11-23. */
export const testNow = 1_795_400_000_000;

/** Somebody with a signing key and a certificate. */
export interface Person {
  readonly id: string;
  readonly key: PrivateKey;
  readonly certificate: string;
  /** Key recovery shares are encrypted to. */
  readonly encryptionKey?: PrivateKey;
}

/** Bytes that look random and are the same in every run. */
export function seededRandom(seed: string): (bytes: number) => Uint8Array {
  let counter = 0;
  return (bytes) => {
    const out = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 32)
      out.set(sha256(`${seed}:${counter++}`).subarray(0, bytes - at), at);
    return out;
  };
}

const serials = seededRandom('serials');
// Generating RSA keys is slow; which one a person has does not matter to any test.
const encryptionKeys: PrivateKey[] = [];

/** Makes a person; `withEncryptionKey` counts upwards so that keys are shared between tests, not people. */
export function makePerson(name: string, withEncryptionKey?: number): Person {
  const key = generateKeyPair('P-256');
  const certificate = issueCertificate({
    subject: `CN=${name}`,
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: testNow - dayMs,
    notAfter: testNow + dayMs,
    serial: serials(16),
  });
  const person = { id: certificate.id, key, certificate: certificate.pem };
  if (withEncryptionKey === undefined) return person;
  return { ...person, encryptionKey: rsaKey(withEncryptionKey) };
}

/** The RSA key of a number, made when it is first asked for. */
export function rsaKey(number: number): PrivateKey {
  encryptionKeys[number] ??= generateKeyPair({ kind: 'RSA', bits: 2048 });
  return encryptionKeys[number] as PrivateKey;
}

/** What a signed governance message says; every header can be left out or bent. */
export interface Message {
  readonly type?: GovMessageType | string;
  /** Bytes, text, or what is to be written as JSON. */
  readonly payload?: unknown;
  /** Seconds; undefined leaves the header out. */
  readonly createdAt?: number | bigint | string | undefined;
  readonly proposalId?: string;
  readonly kid?: string;
}

/** Signs a governance message as members' tools do. */
export function signMessage(signer: Person, message: Message): Uint8Array {
  const { payload, createdAt, type, proposalId } = message;
  const headers = new Map<number | string, string | number | bigint | Uint8Array>();
  headers.set(4, new TextEncoder().encode(message.kid ?? signer.id));
  if (type !== undefined) headers.set('ccf.gov.msg.type', type);
  if (createdAt !== undefined) headers.set('ccf.gov.msg.created_at', createdAt);
  if (proposalId !== undefined) headers.set('ccf.gov.msg.proposal_id', proposalId);
  return signSign1({ protected: headers, payload: bytesOf(payload) }, signer.key);
}

function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  const text = typeof payload === 'string' ? payload : payload === undefined ? '' : JSON.stringify(payload);
  return new TextEncoder().encode(text);
}

import { draftMessage, type GovRequest, versioned } from '@coco/client';
import {
  generateKeyPair,
  issueCertificate,
  type PrivateKey,
  parseCertificate,
  signEcdsa,
} from '@coco/crypto';
import type { HttpRequest } from '@coco/node';

const dayMs = 86_400_000;

/** Somebody with a key and a certificate. */
export interface Person {
  readonly id: string;
  readonly certificate: string;
  readonly der: Uint8Array;
  readonly key: PrivateKey;
}

/** A member, which can open recovery shares. */
export interface Member extends Person {
  readonly encryptionKey: PrivateKey;
}

export function makePerson(name: string, serial: number, now: number): Person {
  const key = generateKeyPair('P-256');
  const certificate = issueCertificate({
    subject: `CN=${name}`,
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: now - dayMs,
    notAfter: now + 1000 * dayMs,
    serial: Uint8Array.of(1, serial >>> 8, serial & 255),
  });
  const { id, pem } = certificate;
  return { id, certificate: pem, der: parseCertificate(pem).der, key };
}

export function makeMember(name: string, serial: number, now: number): Member {
  return { ...makePerson(name, serial, now), encryptionKey: generateKeyPair({ kind: 'RSA', bits: 2048 }) };
}

/** A governance request as it goes over the wire, signed by a person. */
export function signed(person: Person, { path, message }: GovRequest): HttpRequest {
  const draft = draftMessage(message, person.certificate);
  const body = draft.assemble(signEcdsa(person.key, draft.toBeSigned, { hash: 'SHA-256', format: 'p1363' }));
  return { method: 'POST', target: versioned(path), headers: { 'content-type': 'application/cose' }, body };
}

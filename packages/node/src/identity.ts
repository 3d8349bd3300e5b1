import {
  type Certificate,
  type Csr,
  createCsr,
  generateKeyPair,
  issueCertificate,
  type PrivateKey,
  parseCertificate,
  type Random,
  type SubjectAltName,
} from '@coco/crypto';
import type { NodeConfig } from './config.ts';
import type { Outbox } from './outbox.ts';

const dayMs = 86_400_000;

export type { Random };

/** The curves of the configuration (`curve_id`), by the names CCF gives them. */
const curves = { Secp256R1: 'P-256', Secp384R1: 'P-384' } as const;

/** A node: made at boot, never stored, never used again. */
export interface NodeIdentity {
  readonly key: PrivateKey;
  /** Hex SHA-256 of the public key's DER. */
  readonly id: string;
  /** Ledger secrets travel to nodes encrypted to this key. */
  readonly encryptionKey: PrivateKey;
  /** Renewed when members give the node's certificate another period. */
  selfSignedPem: string;
  /** Asks the service to endorse the key. */
  readonly csr: Csr;
}

/** The service: all nodes that may hold its secrets hold the key; receipts chain to the certificate. */
export interface ServiceIdentity {
  readonly key: PrivateKey;
  readonly certificate: Certificate;
}

/** The service as a node knows it; one that may only verify does not hold the key. */
export type KnownService = Pick<ServiceIdentity, 'certificate'> & Partial<Pick<ServiceIdentity, 'key'>>;

/** A validity period of whole days, inclusive of its last second. */
export function validity(
  fromMs: number,
  days: number,
): { readonly notBefore: number; readonly notAfter: number } {
  const notBefore = Math.floor(fromMs / 1000) * 1000;
  return { notBefore, notAfter: notBefore + days * dayMs - 1000 };
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

function alternativeName(host: string): SubjectAltName {
  return /^[0-9.]+$/.test(host) || host.includes(':') ? { ip: host } : { dns: host };
}

/** Names a node's certificate is for: those configured, or its published hosts. */
function alternativeNames(config: NodeConfig): SubjectAltName[] {
  const configured = config.node_certificate.subject_alt_names;
  if (configured) {
    return configured.map((name) => alternativeName(name.slice(name.indexOf(':') + 1)));
  }
  const hosts = Object.values(config.network.rpc_interfaces).map((rpc) => hostOf(rpc.published_address));
  return [...new Set([...hosts, 'localhost'])].map(alternativeName);
}

/** Makes the identity of a node that has just started. */
export function createNodeIdentity(config: NodeConfig, now: number, random: Random): NodeIdentity {
  const key = generateKeyPair(curves[config.node_certificate.curve_id]);
  const subject = config.node_certificate.subject_name;
  const subjectAltNames = alternativeNames(config);
  const period = validity(now, config.node_certificate.initial_validity_days);
  return {
    key,
    id: key.publicKey.id,
    encryptionKey: generateKeyPair({ kind: 'RSA', bits: 2048 }),
    selfSignedPem: renewSelfSigned(key, config, period, random),
    csr: createCsr({ subject, key, subjectAltNames }),
  };
}

/** Tells the host whom the listeners are to present, by who vouches for it. Until the service does, the node itself does. */
export function presentNode(
  identity: NodeIdentity,
  outbox: Outbox,
  endorsedPem = identity.selfSignedPem,
): void {
  const privateKeyPem = identity.key.exportPem();
  const { selfSignedPem } = identity;
  outbox.push({ kind: 'identity', authority: 'Service', certificatePem: endorsedPem, privateKeyPem });
  outbox.push({ kind: 'identity', authority: 'Node', certificatePem: selfSignedPem, privateKeyPem });
  outbox.push({ kind: 'output', file: 'node-certificate', text: selfSignedPem });
}

/** PEM of the certificate that a node gives itself. */
export function renewSelfSigned(
  key: PrivateKey,
  config: NodeConfig,
  period: { readonly notBefore: number; readonly notAfter: number },
  random: Random,
): string {
  const certificate = issueCertificate({
    subject: config.node_certificate.subject_name,
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: period.notBefore,
    notAfter: period.notAfter,
    subjectAltNames: alternativeNames(config),
    serial: random(16),
  });
  return certificate.pem;
}

/** Makes a service identity, new or the successor of a lost one. */
export function createServiceIdentity(
  options: { readonly subject: string; readonly days: number; readonly curve: 'Secp256R1' | 'Secp384R1' },
  now: number,
  random: Random,
): ServiceIdentity {
  const key = generateKeyPair(curves[options.curve]);
  return renewServiceIdentity({ key, subject: options.subject }, validity(now, options.days), random);
}

/** The same service key under a new certificate. */
export function renewServiceIdentity(
  service: { readonly key: PrivateKey; readonly subject: string },
  period: { readonly notBefore: number; readonly notAfter: number },
  random: Random,
): ServiceIdentity {
  const certificate = issueCertificate({
    subject: service.subject,
    publicKey: service.key.publicKey,
    issuerKey: service.key,
    issuerCert: 'self',
    ...period,
    isCa: true,
    serial: random(16),
  });
  return { key: service.key, certificate };
}

/** The service's word for a node's key. */
export function endorseNode(
  service: ServiceIdentity,
  request: Pick<Csr, 'subject' | 'publicKey' | 'subjectAltNames'>,
  period: { readonly notBefore: number; readonly notAfter: number },
  random: Random,
): Certificate {
  return issueCertificate({
    subject: request.subject,
    publicKey: request.publicKey,
    issuerKey: service.key,
    issuerCert: service.certificate,
    ...period,
    subjectAltNames: request.subjectAltNames,
    serial: random(16),
  });
}

/**
 * The service's word for one of its earlier identities: what chains the receipts of a lost service to the one that
 * recovered it.
 */
export function endorsePreviousService(
  service: ServiceIdentity,
  previousPem: string,
  random: Random,
): Certificate {
  const previous = parseCertificate(previousPem);
  return issueCertificate({
    subject: previous.subject,
    publicKey: previous.publicKey,
    issuerKey: service.key,
    issuerCert: service.certificate,
    notBefore: service.certificate.notBefore,
    notAfter: service.certificate.notAfter,
    isCa: true,
    serial: random(16),
  });
}

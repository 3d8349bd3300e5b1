import {
  Certificate as AsnCertificate,
  BasicConstraints,
  type GeneralName,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509';
import { derChildren, parseDer } from '../der.ts';
import { equalBytes } from '../encoding.ts';
import { CryptoError, orMalformed } from '../errors.ts';
import { sha256Hex } from '../hash.ts';
import { importPublicKey, type PublicKey } from '../keys.ts';
import { decodePem, encodePem, singlePem } from '../pem.ts';
import { verifyDer } from './algorithm.ts';
import { decodeName } from './name.ts';

/** A name under which a certificate's subject is reached. An IP address is written as usual, v4 or v6. */
export type SubjectAltName = { readonly dns: string } | { readonly ip: string };

/** One extension as it stands in a certificate; `value` is the DER inside the octet string. */
export interface CertificateExtension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** A parsed certificate. Parsing proves form only: see `verifyIssuedBy`. */
export interface Certificate {
  readonly der: Uint8Array;
  readonly pem: string;
  /** Hexadecimal SHA-256 of the DER: a member's or user's identifier. */
  readonly id: string;
  readonly publicKey: PublicKey;
  /** As text, for people: see `encodeName` for the notation. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal, without leading zeros beyond the first byte. */
  readonly serial: string;
  /** Milliseconds since 1970, as written in the certificate. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa: boolean;
  /** How many CA certificates may follow below this one; undefined for any number. */
  readonly pathLength: number | undefined;
  readonly subjectAltNames: readonly SubjectAltName[];
  /** By object identifier. */
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
  /** What verification needs: signed bytes, names as DER, signature. */
  readonly raw: {
    readonly asn: AsnCertificate;
    readonly tbs: Uint8Array;
    readonly subject: Uint8Array;
    readonly issuer: Uint8Array;
  };
}

/**
 * Parses one certificate: PEM `CERTIFICATE`, or DER. Throws `MalformedCertificate`, or the error of its key.
 */
export function parseCertificate(pemOrDer: string | Uint8Array): Certificate {
  const der = typeof pemOrDer === 'string' ? singlePem(pemOrDer, 'CERTIFICATE').der : pemOrDer;
  const asn = parseDer(der, AsnCertificate, 'MalformedCertificate', 'certificate');
  return orMalformed('MalformedCertificate', 'certificate holds a part that cannot be read', () =>
    readParts(der, asn),
  );
}

function readParts(der: Uint8Array, asn: AsnCertificate): Certificate {
  const [tbs, outerAlgorithm] = derChildren(der);
  const fields = derChildren(tbs!);
  // An explicit version [0] comes first in every certificate but those of version 1.
  const [, innerAlgorithm, issuer, , subject, spki] = fields[0]![0] === 0xa0 ? fields.slice(1) : fields;
  if (!equalBytes(innerAlgorithm!, outerAlgorithm!)) {
    throw new CryptoError('MalformedCertificate', 'certificate names two signature algorithms');
  }
  const { validity, serialNumber } = asn.tbsCertificate;
  const extensions = readExtensions(asn);
  const constraints = readExtension(extensions, id_ce_basicConstraints, BasicConstraints);
  return {
    der,
    pem: encodePem('CERTIFICATE', der),
    id: sha256Hex(der),
    publicKey: importPublicKey(spki!),
    subject: decodeName(subject!),
    issuer: decodeName(issuer!),
    serial: new Uint8Array(serialNumber).toHex(),
    notBefore: timeOf(validity.notBefore.getTime()),
    notAfter: timeOf(validity.notAfter.getTime()),
    isCa: constraints?.cA ?? false,
    pathLength: constraints?.pathLenConstraint,
    subjectAltNames: subjectAltNames(
      readExtension(extensions, id_ce_subjectAltName, SubjectAlternativeName) ?? [],
    ),
    extensions,
    raw: { asn, tbs: tbs!, subject: subject!, issuer: issuer! },
  };
}

function timeOf(date: { getTime(): number }): number {
  const time = date.getTime();
  if (!Number.isFinite(time))
    throw new CryptoError('MalformedCertificate', 'certificate has an impossible date');
  return time;
}

function readExtensions(asn: AsnCertificate): Map<string, CertificateExtension> {
  const extensions = new Map<string, CertificateExtension>();
  for (const { extnID, critical, extnValue } of asn.tbsCertificate.extensions ?? []) {
    if (extensions.has(extnID))
      throw new CryptoError('MalformedCertificate', `extension ${extnID} appears twice`);
    extensions.set(extnID, { critical, value: new Uint8Array(extnValue.buffer) });
  }
  return extensions;
}

/** One extension, parsed by its schema; undefined when the certificate has none. */
export function readExtension<T>(
  extensions: ReadonlyMap<string, CertificateExtension>,
  oid: string,
  schema: new () => T,
): T | undefined {
  const extension = extensions.get(oid);
  return (
    extension && parseDer(extension.value, schema, 'MalformedCertificate', `certificate extension ${oid}`)
  );
}

/** The DNS names and IP addresses among general names; other kinds mean nothing here. */
export function subjectAltNames(names: readonly GeneralName[]): SubjectAltName[] {
  const known: SubjectAltName[] = [];
  for (const name of names) {
    if (name.dNSName !== undefined) known.push({ dns: name.dNSName });
    else if (name.iPAddress !== undefined) known.push({ ip: name.iPAddress });
  }
  return known;
}

/** The key identifier by which certificates below this one refer to it. */
export function subjectKeyIdentifier(certificate: Certificate): Uint8Array<ArrayBuffer> | undefined {
  const extension = readExtension(certificate.extensions, id_ce_subjectKeyIdentifier, SubjectKeyIdentifier);
  return extension && new Uint8Array(extension.buffer);
}

/** Parses every certificate of a PEM text, in order. Throws when one is not a certificate. */
export function splitPemBundle(pem: string): Certificate[] {
  return decodePem(pem).map(({ label, der }) => {
    if (label !== 'CERTIFICATE') {
      throw new CryptoError('MalformedCertificate', `PEM block ${label} among certificates`);
    }
    return parseCertificate(der);
  });
}

/** The key of a PEM text that is either a public key or a certificate. */
export function publicKeyOf(pem: string): PublicKey {
  const { label } = singlePem(pem, 'PUBLIC KEY', 'RSA PUBLIC KEY', 'CERTIFICATE');
  return label === 'CERTIFICATE' ? parseCertificate(pem).publicKey : importPublicKey(pem);
}

/**
 * Proves that `issuer` issued `certificate`, and returns the latter: its name is the issuer's, the issuer may
 * issue (CA, and its key usage allows it), and the signature verifies. A self-signed certificate is its own
 * issuer, CA or not. Dates are the caller's concern. Throws `NotIssuedBy` for the names and the right to
 * issue, otherwise the signature's error.
 */
export function verifyIssuedBy(certificate: Certificate, issuer: Certificate): Certificate {
  if (!equalBytes(certificate.raw.issuer, issuer.raw.subject)) {
    const names = `"${certificate.issuer}", not "${issuer.subject}"`;
    throw new CryptoError('NotIssuedBy', `certificate "${certificate.subject}" names as its issuer ${names}`);
  }
  if (!equalBytes(certificate.der, issuer.der)) checkMayIssue(issuer);
  const { signatureAlgorithm, signatureValue } = certificate.raw.asn;
  verifyDer(issuer.publicKey, signatureAlgorithm, new Uint8Array(signatureValue), certificate.raw.tbs);
  return certificate;
}

function checkMayIssue(issuer: Certificate): void {
  if (!issuer.isCa) throw new CryptoError('NotIssuedBy', `certificate "${issuer.subject}" is not a CA`);
  const usage = readExtension(issuer.extensions, id_ce_keyUsage, KeyUsage);
  if (usage !== undefined && (usage.toNumber() & KeyUsageFlags.keyCertSign) === 0) {
    throw new CryptoError('NotIssuedBy', `key of "${issuer.subject}" may not sign certificates`);
  }
}

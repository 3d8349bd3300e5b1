import { OctetString } from '@peculiar/asn1-schema';
import {
  Certificate as AsnCertificate,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Time,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { parseDer, serializeDer } from '../der.ts';
import { CryptoError, orMalformed } from '../errors.ts';
import { sha256 } from '../hash.ts';
import type { PrivateKey, PublicKey } from '../keys.ts';
import { serialBytesMax } from '../limits.ts';
import { algorithmOf, signDer } from './algorithm.ts';
import {
  type Certificate,
  parseCertificate,
  type SubjectAltName,
  subjectKeyIdentifier,
  verifyIssuedBy,
} from './certificate.ts';
import { encodeName } from './name.ts';

/** What a new certificate is to say. */
export interface CertificateRequest {
  /** For instance `CN=CCF Node`. */
  readonly subject: string;
  readonly publicKey: PublicKey;
  readonly issuerKey: PrivateKey;
  /** The issuer's certificate, or 'self' when the subject signs for itself. */
  readonly issuerCert: Certificate | 'self';
  /** Milliseconds since 1970; cut to whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly subjectAltNames?: readonly SubjectAltName[];
  /** A CA may issue end certificates, and endorse an earlier CA that did: its path length is 1, as CCF's. */
  readonly isCa?: boolean;
  /** 1 to 20 bytes, random: two certificates of one issuer must not share it. The first bit is cleared. */
  readonly serial: Uint8Array;
}

/** The first moment, in milliseconds, that GeneralizedTime cannot write. */
const year10000 = 253_402_300_800_000;

/** Issues a version 3 certificate with basic constraints, key identifiers and alternative names. */
export function issueCertificate(request: CertificateRequest): Certificate {
  const { issuerCert, issuerKey } = request;
  const subject = encodeName(request.subject);
  const issuer = issuerCert === 'self' ? subject : issuerCert.raw.subject;
  const issuerPublic = issuerCert === 'self' ? request.publicKey : issuerCert.publicKey;
  if (issuerPublic.id !== issuerKey.publicKey.id) {
    throw new CryptoError(
      'InvalidKey',
      `issuer key is not the key of ${issuerCert === 'self' ? 'the subject' : `"${issuerCert.subject}"`}`,
    );
  }
  const { identifier, scheme } = algorithmOf(issuerPublic);
  const tbs = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(request.serial),
    signature: identifier,
    issuer: parseDer(issuer, Name, 'MalformedCertificate', 'issuer name'),
    validity: validity(request.notBefore, request.notAfter),
    subject: parseDer(subject, Name, 'MalformedCertificate', 'subject name'),
    subjectPublicKeyInfo: parseDer(request.publicKey.spki, SubjectPublicKeyInfo, 'InvalidKey', 'public key'),
    extensions: extensionsOf(request),
  });
  const signature = signDer(issuerKey, scheme, serializeDer(tbs));
  const certificate = parseCertificate(
    serializeDer(
      new AsnCertificate({
        tbsCertificate: tbs,
        signatureAlgorithm: identifier,
        signatureValue: new Uint8Array(signature).buffer,
      }),
    ),
  );
  return verifyIssuedBy(certificate, issuerCert === 'self' ? certificate : issuerCert);
}

/** A positive DER integer of the given bytes: no leading zero byte, no sign bit. */
function serialNumber(bytes: Uint8Array): ArrayBuffer {
  const positive = Uint8Array.from(bytes);
  if (positive.length > 0) positive[0]! &= 0x7f;
  const start = positive.findIndex((byte) => byte !== 0);
  if (start === -1 || bytes.length > serialBytesMax) {
    throw new CryptoError(
      'InvalidArgument',
      `serial number: expected 1 to ${serialBytesMax} bytes, not all zero`,
    );
  }
  const shortest = positive.slice(start);
  if (shortest[0]! < 0x80) return shortest.buffer;
  const padded = new Uint8Array(shortest.length + 1);
  padded.set(shortest, 1);
  return padded.buffer;
}

function validity(notBefore: number, notAfter: number): Validity {
  if (!(notBefore >= 0 && notBefore <= notAfter && notAfter < year10000)) {
    throw new CryptoError(
      'InvalidArgument',
      `certificate dates ${notBefore} to ${notAfter}: expected milliseconds`,
    );
  }
  const validity = new Validity();
  validity.notBefore = timeOf(notBefore);
  validity.notAfter = timeOf(notAfter);
  return validity;
}

/** RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050, both without fractions of a second. */
function timeOf(milliseconds: number): Time {
  const whole = Math.floor(milliseconds / 1000) * 1000;
  // The library takes the number 0 for no time at all.
  return new Time(whole === 0 ? '1970-01-01T00:00:00Z' : whole);
}

function extensionsOf(request: CertificateRequest): Extensions {
  const own = keyIdentifier(request.publicKey);
  const { issuerCert } = request;
  const authority =
    issuerCert === 'self' ? own : (subjectKeyIdentifier(issuerCert) ?? keyIdentifier(issuerCert.publicKey));
  const constraints = request.isCa === true ? { cA: true, pathLenConstraint: 1 } : { cA: false };
  const extensions = [
    extension(id_ce_basicConstraints, new BasicConstraints(constraints), true),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(own)),
    extension(
      id_ce_authorityKeyIdentifier,
      new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(authority) }),
    ),
  ];
  if (request.isCa === true) {
    const usage = new KeyUsage(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign);
    extensions.push(extension(id_ce_keyUsage, usage, true));
  }
  const names = request.subjectAltNames ?? [];
  if (names.length > 0) extensions.push(subjectAltNameExtension(names));
  return new Extensions(extensions);
}

/** The extension that lists the names; in requests as in certificates. */
export function subjectAltNameExtension(names: readonly SubjectAltName[]): Extension {
  return orMalformed('InvalidArgument', 'a subject alternative name is no DNS name or IP address', () => {
    const general = names.map((name) =>
      'dns' in name ? new GeneralName({ dNSName: name.dns }) : new GeneralName({ iPAddress: name.ip }),
    );
    return extension(id_ce_subjectAltName, new SubjectAlternativeName(general));
  });
}

function extension(extnID: string, value: unknown, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(serializeDer(value)) });
}

/** RFC 7093, method 1: the first 160 bits of the SHA-256 of the key. */
function keyIdentifier(key: PublicKey): Uint8Array<ArrayBuffer> {
  const { subjectPublicKey } = parseDer(key.spki, SubjectPublicKeyInfo, 'InvalidKey', 'public key');
  return Uint8Array.from(sha256(new Uint8Array(subjectPublicKey)).subarray(0, 20));
}

import { CertificateList, id_ce_keyUsage, KeyUsage, KeyUsageFlags } from '@peculiar/asn1-x509';
import { derChildren, parseDer } from '../der.ts';
import { equalBytes } from '../encoding.ts';
import { CryptoError, orMalformed } from '../errors.ts';
import { singlePem } from '../pem.ts';
import { verifyDer } from './algorithm.ts';
import { type Certificate, readExtension } from './certificate.ts';
import { decodeName } from './name.ts';

/** A parsed certificate revocation list. Parsing proves form only: see `verifyCrl`. */
export interface Crl {
  readonly der: Uint8Array;
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Serial numbers in hexadecimal, as in `Certificate`, with the time of revocation. */
  readonly revoked: ReadonlyMap<string, number>;
  readonly raw: { readonly asn: CertificateList; readonly tbs: Uint8Array; readonly issuer: Uint8Array };
}

/** Parses a revocation list: PEM `X509 CRL`, or DER. Throws `MalformedCertificate`. */
export function parseCrl(pemOrDer: string | Uint8Array): Crl {
  const der = typeof pemOrDer === 'string' ? singlePem(pemOrDer, 'X509 CRL').der : pemOrDer;
  const asn = parseDer(der, CertificateList, 'MalformedCertificate', 'certificate revocation list');
  return orMalformed('MalformedCertificate', 'certificate revocation list cannot be read', () => {
    const [tbs] = derChildren(der);
    const fields = derChildren(tbs!);
    // An optional version comes first; then algorithm and issuer.
    const issuer = fields[0]![0] === derInteger ? fields[2]! : fields[1]!;
    const { thisUpdate, nextUpdate, revokedCertificates } = asn.tbsCertList;
    const revoked = new Map<string, number>();
    for (const { userCertificate, revocationDate } of revokedCertificates ?? []) {
      revoked.set(new Uint8Array(userCertificate).toHex(), revocationDate.getTime().getTime());
    }
    return {
      der,
      issuer: decodeName(issuer),
      thisUpdate: thisUpdate.getTime().getTime(),
      nextUpdate: nextUpdate?.getTime().getTime(),
      revoked,
      raw: { asn, tbs: tbs!, issuer },
    };
  });
}

const derInteger = 0x02;

/**
 * Proves that `issuer` issued the list, and returns the list. Dates are the caller's concern. Throws
 * `NotIssuedBy` for the name and the right to issue lists, otherwise the signature's error.
 */
export function verifyCrl(crl: Crl, issuer: Certificate): Crl {
  if (!equalBytes(crl.raw.issuer, issuer.raw.subject)) {
    throw new CryptoError('NotIssuedBy', `revocation list is of "${crl.issuer}", not of "${issuer.subject}"`);
  }
  const usage = readExtension(issuer.extensions, id_ce_keyUsage, KeyUsage);
  if (usage !== undefined && (usage.toNumber() & KeyUsageFlags.cRLSign) === 0) {
    throw new CryptoError('NotIssuedBy', `key of "${issuer.subject}" may not sign revocation lists`);
  }
  verifyDer(
    issuer.publicKey,
    crl.raw.asn.signatureAlgorithm,
    new Uint8Array(crl.raw.asn.signature),
    crl.raw.tbs,
  );
  return crl;
}

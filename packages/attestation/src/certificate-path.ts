import {
  type Certificate,
  parseCertificate,
  parseCrl,
  splitPemBundle,
  verifyCrl,
  verifyIssuedBy,
} from '@coco/crypto';
import type { CheckName } from './check-names.ts';
import type { Checklist } from './checklist.ts';
import { contentOf, derTag, oidOf, readDer, sequenceOf } from './der.ts';
import { insist, refuse } from './errors.ts';
import { certificatesMax } from './limits.ts';

/** Extensions that are heeded here, or by the parser; any other that is critical ends the check. */
const understood: readonly string[] = [
  '2.5.29.14', // subject key identifier
  '2.5.29.15', // key usage
  '2.5.29.17', // subject alternative names
  '2.5.29.19', // basic constraints
  '2.5.29.31', // where revocation lists are
  '2.5.29.35', // authority key identifier
  '2.5.29.37', // extended key usage
];

export interface PathRules {
  /** Digests of the keys at which the path may end. */
  readonly roots: readonly string[];
  /** Whether the last certificate must be self-signed. A pinned authority below a root need not be. */
  readonly selfSignedRoot: boolean;
  /** Names of the checks, where the path is not the evidence's own. */
  readonly names?: { readonly root: CheckName; readonly chain: CheckName };
}

const ownNames = { root: 'pinned-root', chain: 'certificate-chain' } as const;

/** Parses certificates that were given as DER. */
export function parseCertificates(ders: readonly Uint8Array[]): Certificate[] {
  insist(ders.length >= 1, 'there are no certificates');
  insist(ders.length <= certificatesMax, `${ders.length} certificates: at most ${certificatesMax}`);
  return ders.map((der) => parseCertificate(der));
}

/** Parses certificates that were given as PEM. */
export function parsePemCertificates(pem: string): Certificate[] {
  const certificates = splitPemBundle(pem);
  insist(
    certificates.length <= certificatesMax,
    `${certificates.length} certificates: at most ${certificatesMax}`,
  );
  return certificates;
}

/**
 * Proves that the certificates are a path, in order, from the first to one whose key is pinned. The order is
 * insisted upon: the vendors give it so, and what is not as the vendor gives it has been tampered with. Dates
 * are another check.
 */
export function verifyPath(checks: Checklist, path: readonly Certificate[], rules: PathRules): void {
  const names = rules.names ?? ownNames;
  const root = path.at(-1);
  checks.run(names.root, () => {
    insist(root !== undefined, 'there are no certificates');
    insist(
      rules.roots.includes(root.publicKey.id),
      `the chain ends at "${root.subject}", whose key ${root.publicKey.id} is not pinned`,
    );
  });
  checks.run(names.chain, () => {
    path.forEach((certificate, index) => {
      const issuer = path[index + 1];
      checkExtensions(certificate);
      if (issuer === undefined) {
        if (rules.selfSignedRoot) verifyIssuedBy(certificate, certificate);
        return;
      }
      verifyIssuedBy(certificate, issuer);
      insist(
        issuer.pathLength === undefined || index <= issuer.pathLength,
        `"${issuer.subject}" may not stand ${index + 1} above the end`,
      );
    });
  });
}

/**
 * Checks the dates of a path. Where evidence is signed by its end this comes after the signature: what is
 * forged should be called forged, not late.
 */
export function checkPathDates(
  checks: Checklist,
  path: readonly Certificate[],
  now: number,
  name: CheckName = 'certificate-dates',
): void {
  checks.run(name, () => {
    for (const certificate of path) checkDates(certificate, now);
  });
}

/** Insists that a certificate is valid at a time. */
export function checkDates(certificate: Certificate, now: number): void {
  const { subject, notBefore, notAfter } = certificate;
  insist(now >= notBefore, `certificate "${subject}" is not valid before ${isoTime(notBefore)}`);
  insist(now <= notAfter, `certificate "${subject}" expired at ${isoTime(notAfter)}`);
}

function checkExtensions(certificate: Certificate): void {
  for (const [oid, { critical }] of certificate.extensions) {
    if (critical && !understood.includes(oid)) {
      refuse(`critical extension ${oid} of "${certificate.subject}" is not understood`);
    }
  }
}

/**
 * Insists that no certificate of the path is on a list of its issuer. Each list must be signed by an
 * authority of the path and be of its time. Answers for which certificates a list was at hand.
 */
export function checkRevocation(
  path: readonly Certificate[],
  lists: readonly Uint8Array[],
  now: number,
): readonly boolean[] {
  const covered = path.map(() => false);
  for (const der of lists) {
    const crl = parseCrl(der);
    const at = path.findIndex(({ subject, isCa }) => isCa && subject === crl.issuer);
    const issuer = path[at];
    if (issuer === undefined)
      refuse(`the revocation list of "${crl.issuer}" is of none of these authorities`);
    verifyCrl(crl, issuer);
    insist(now >= crl.thisUpdate, `the revocation list of "${crl.issuer}" is not yet valid`);
    insist(
      crl.nextUpdate === undefined || now <= crl.nextUpdate,
      `the revocation list of "${crl.issuer}" expired`,
    );
    path.forEach((certificate, index) => {
      if (certificate.issuer !== issuer.subject) return;
      insist(!crl.revoked.has(certificate.serial), `certificate "${certificate.subject}" is revoked`);
      covered[index] = true;
    });
  }
  return covered;
}

/** What a chain of certificates is held to beside its own signatures. */
export interface ChainRules {
  /** Digests of the keys at which it may end. */
  readonly roots: readonly string[];
  /** DER revocation lists. */
  readonly crls?: readonly Uint8Array[] | undefined;
}

/**
 * Verifies the certificates of a key (DER, from the key's own) in every respect: they can be read, each is issued by the
 * next, the last is of a pinned key, all are valid now, and none is revoked.
 */
export function verifyChain(
  checks: Checklist,
  ders: readonly Uint8Array[],
  { roots, crls = [] }: ChainRules,
  now: number,
): readonly Certificate[] {
  const chain = checks.run('certificate-shape', () => parseCertificates(ders));
  verifyPath(checks, chain, { roots, selfSignedRoot: false });
  checkPathDates(checks, chain, now);
  checks.run('revocation', () => checkRevocation(chain, crls, now));
  return chain;
}

/** The common name of a certificate's subject or issuer. */
export function commonName(name: string): string {
  return /(?:^|(?<!\\),)CN=((?:\\,|[^,])*)/.exec(name)?.[1] ?? '';
}

/** The extended key usages of a certificate; none when it has no such extension. */
export function extendedKeyUsages(certificate: Certificate): readonly string[] {
  const extension = certificate.extensions.get('2.5.29.37');
  if (extension === undefined) return [];
  const what = 'extended key usage';
  return sequenceOf(readDer(extension.value, what), what).map((element) => oidOf(element, what));
}

/** Insists that the key usage of a certificate, if it names any, allows digital signatures. */
export function checkMaySign(certificate: Certificate): void {
  const extension = certificate.extensions.get('2.5.29.15');
  if (extension === undefined) return;
  const bits = contentOf(readDer(extension.value, 'key usage'), derTag.bitString, 'key usage');
  insist(((bits[1] ?? 0) & 0x80) !== 0, `key of "${certificate.subject}" may not sign`);
}

/** A time for messages. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

import {
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
} from '@peculiar/asn1-x509';
import { equalBytes } from '../encoding.ts';
import { CryptoError } from '../errors.ts';
import { chainLengthMax } from '../limits.ts';
import { type Certificate, verifyIssuedBy } from './certificate.ts';

/**
 * Extensions whose meaning is heeded, or harmless, in a chain. A critical one beyond these ends the check.
 */
const understood: readonly string[] = [
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
];

/**
 * Proves that the first certificate of `chain` leads, through the others in whatever order, to one of
 * `trusted`, and returns the path from the first to the trusted one. Dates are not looked at. Throws
 * `NotTrusted`.
 */
export function verifyChain(chain: readonly Certificate[], trusted: readonly Certificate[]): Certificate[] {
  const [leaf, ...others] = chain;
  if (leaf === undefined) throw new CryptoError('NotTrusted', 'certificate chain is empty');
  if (chain.length > chainLengthMax) {
    throw new CryptoError('NotTrusted', `certificate chain of ${chain.length}: at most ${chainLengthMax}`);
  }
  const path: Certificate[] = [];
  let current = leaf;
  let pool = others;
  for (;;) {
    checkExtensions(current);
    path.push(current);
    if (trusted.some((anchor) => equalBytes(anchor.der, current.der))) return path;
    const anchor = trusted.find((candidate) => issued(candidate, current, path));
    if (anchor !== undefined) {
      checkExtensions(anchor);
      return [...path, anchor];
    }
    const next = pool.find((candidate) => issued(candidate, current, path));
    if (next === undefined) {
      throw new CryptoError('NotTrusted', `no trusted issuer of certificate "${current.subject}"`);
    }
    pool = pool.filter((candidate) => candidate !== next);
    current = next;
  }
}

/** Whether `issuer` may stand next in the path above `certificate`. */
function issued(issuer: Certificate, certificate: Certificate, path: readonly Certificate[]): boolean {
  if (equalBytes(issuer.der, certificate.der)) return false;
  // The path length counts the CA certificates below the issuer, the end certificate (the first) not among
  // them.
  if (issuer.pathLength !== undefined && path.length - 1 > issuer.pathLength) return false;
  try {
    verifyIssuedBy(certificate, issuer);
    return true;
  } catch {
    return false;
  }
}

function checkExtensions(certificate: Certificate): void {
  for (const [oid, { critical }] of certificate.extensions) {
    if (critical && !understood.includes(oid)) {
      throw new CryptoError(
        'NotTrusted',
        `critical extension ${oid} of "${certificate.subject}" is not understood`,
      );
    }
  }
}

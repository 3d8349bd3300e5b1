import { concatBytes, equalBytes, sha256 } from '@coco/crypto';
import type { Checklist } from './checklist.ts';
import { insist } from './errors.ts';
import type { Expected } from './trust.ts';

/** The digest of the key that must be bound; undefined when none was named. */
export function expectedKeyDigest(expected: Expected | undefined): Uint8Array | undefined {
  if (expected?.keyDigest !== undefined) return expected.keyDigest;
  return expected?.publicKey === undefined ? undefined : sha256(expected.publicKey);
}

const reportDataBytes = 64;
const nonceBytes = 32;

/**
 * The 64 bytes that evidence must carry for a key and, if one was given, a fresh nonce: the SHA-256 of the
 * key's SubjectPublicKeyInfo as in CCF, then the nonce or zeros. Undefined when nothing is expected.
 */
export function expectedReportData(expected: Expected | undefined): Uint8Array | undefined {
  if (expected?.reportData !== undefined) return expected.reportData;
  const digest = expectedKeyDigest(expected);
  if (digest === undefined) return undefined;
  const data = new Uint8Array(reportDataBytes);
  data.set(digest);
  const nonce = expected?.nonce;
  if (nonce !== undefined) {
    insist(nonce.length === nonceBytes, `the nonce has ${nonce.length} bytes, not ${nonceBytes}`);
    data.set(nonce, reportDataBytes - nonceBytes);
  }
  return data;
}

/**
 * What a TPM's quote must carry, which has room for one digest only: the digest of the key, hashed once more
 * with the nonce if there is one.
 */
export function expectedQualifyingData(expected: Expected | undefined): Uint8Array | undefined {
  const digest = expectedKeyDigest(expected);
  const nonce = expected?.nonce;
  if (digest === undefined) return nonce;
  return nonce === undefined ? digest : sha256(concatBytes(digest, nonce));
}

/** Checks the report data, when somebody said what it must be. */
export function checkReportData(checks: Checklist, found: Uint8Array, expected: Expected | undefined): void {
  checks.ask('report-data', boundBy(expected), (wanted) => {
    const bytes = expectedReportData(wanted);
    insist(
      bytes !== undefined && equalBytes(found, bytes),
      `the report data is ${found.toHex()}, which does not bind the expected key: ${bytes?.toHex()}`,
    );
  });
}

/** What is expected, if it says anything about the report data. */
export function boundBy(expected: Expected | undefined): Expected | undefined {
  const isNamed = expected?.reportData !== undefined || expectedKeyDigest(expected) !== undefined;
  return isNamed ? expected : undefined;
}

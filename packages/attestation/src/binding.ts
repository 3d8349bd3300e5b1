import { concatBytes, equalBytes, sha256 } from '@coco/crypto';
import type { Checklist } from './checklist.ts';
import { insist } from './errors.ts';
import type { Expected } from './trust.ts';

const reportDataBytes = 64;
const nonceBytes = 32;

/**
 * The 64 bytes that evidence must carry for a key and, if one was given, a fresh nonce: the SHA-256 of the
 * key's SubjectPublicKeyInfo as in CCF, then the nonce or zeros. Undefined when nothing is expected.
 */
export function expectedReportData(expected: Expected | undefined): Uint8Array | undefined {
  if (expected?.reportData !== undefined) return expected.reportData;
  if (expected?.publicKey === undefined) return undefined;
  const data = new Uint8Array(reportDataBytes);
  data.set(sha256(expected.publicKey));
  const { nonce } = expected;
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
  if (expected?.publicKey === undefined) return expected?.nonce;
  const key = sha256(expected.publicKey);
  return expected.nonce === undefined ? key : sha256(concatBytes(key, expected.nonce));
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
  return expected?.reportData === undefined && expected?.publicKey === undefined ? undefined : expected;
}

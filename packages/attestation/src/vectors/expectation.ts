import type { CheckName } from '../check-names.ts';
import { tcbStatuses } from '../intel/collateral.ts';

/** What a manifest expects of a subject. */
export interface Expectation {
  readonly verdict: 'valid' | 'refused';
  /** The vendor's word, where one is named. */
  readonly tcbStatus: string | null;
}

const refusal =
  /^\s*(?:[^\s]*-\*\s*|\*[^\s]*\s*)?(?:reject|refuse|forged|invalid|malformed|expired|not valid|not yet valid|fail|untrusted|unsupported|revoked)/i;

/**
 * Reads the text of `expected`. It may speak of several parts in clauses; a part takes the clause that names
 * it, otherwise the first.
 */
export function readExpectation(text: string, part: string): Expectation {
  const clauses = text.split(';').map((clause) => clause.trim());
  const clause = clauses.find((one) => names(one, part)) ?? clauses[0] ?? '';
  const status = tcbStatuses.filter((one) => new RegExp(`(^|[\\s,])${one}\\b`).test(clause)).at(0) ?? null;
  const refused = refusal.test(clause) || (names(clause, part) && /\breject|\brefuse/i.test(clause));
  return { verdict: refused ? 'refused' : 'valid', tcbStatus: refused ? null : status };
}

/** Whether a clause names a part: its name, a pattern with stars, or its letters and digits run together. */
function names(clause: string, part: string): boolean {
  if (part === '') return false;
  const patterns = clause.match(/\*[\w.-]*\*?/g) ?? [];
  const matches = patterns.some((pattern) => {
    const parts = pattern.split('*').filter((piece) => piece !== '');
    return parts.length > 0 && parts.every((piece) => part.includes(piece));
  });
  return matches || plain(clause).includes(plain(part));
}

/** Letters and digits only. */
export function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** What the reason of a mutation may say, and the checks that say it. The first that matches counts. */
const reasons: readonly (readonly [RegExp, readonly CheckName[]])[] = [
  [/revocation list|\bCRL\b/i, ['revocation', 'collateral-freshness']],
  [/event log|boot log|log does not replay/i, ['event-log']],
  [/UVM.*signature/i, ['uvm-signature', 'uvm-chain']],
  [/certificate signature/i, ['certificate-chain', 'collateral-chain']],
  [/unknown QE vendor/i, ['evidence-signature', 'qe-vendor']],
  [/check magic/i, ['evidence-signature', 'attest-magic', 'attest-type']],
  [/malformed signature/i, ['signature-shape']],
  [/signature invalid \/ hwID/i, ['evidence-signature', 'chip-id']],
  [/TCB info signature/i, ['tcb-info-signature']],
  [/QE identity signature/i, ['qe-identity-signature']],
  [/QE report signature/i, ['qe-report-signature']],
  [/not bound by the QE/i, ['attestation-key-binding']],
  [/signature invalid/i, ['evidence-signature']],
  [/not issued by/i, ['certificate-chain']],
  [/replayed/i, ['report-data', 'quoted-nonce']],
  [/unsupported version/i, ['evidence-version']],
  [/unsupported algorithm/i, ['signature-algorithm']],
  [/malformed|trailing data/i, ['evidence-shape']],
  [/root not the one pinned|untrusted root/i, ['pinned-root']],
  [/endorsed measurement/i, ['uvm-measurement', 'uvm-issuer']],
  [/does not bind the claims/i, ['custom-claims']],
  [/host_data/i, ['security-policy', 'configuration']],
  [/UVM SVN/i, ['uvm-svn']],
  [/TCB too low/i, ['minimum-tcb']],
  [/signing key kind/i, ['signing-key-kind']],
  [/VMPL/i, ['vmpl']],
  [/leaf expired/i, ['certificate-dates']],
  [/enclave debug|debug/i, ['debug']],
  [/FMSPC|is for SGX|is for TDX/i, ['collateral-platform']],
  [/collateral expired|not yet valid|TCB info expired/i, ['collateral-freshness']],
  [/service TD/i, ['service-td']],
  [/does not bind the AK/i, ['hardware-binding']],
  [/does not bind this key/i, ['report-data']],
  [/nonce/i, ['quoted-nonce', 'report-data']],
  [/PCR digest/i, ['pcr-digest']],
  [/PCR differs/i, ['pcr-values']],
  [/not a quote/i, ['attest-type']],
  [/signed selection/i, ['pcr-selection']],
  [/bank/i, ['pcr-bank']],
  [/VSM/i, ['virtual-secure-mode']],
  [/revoked/i, ['revocation', 'tcb-status']],
  [/chip id/i, ['chip-id', 'evidence-signature']],
  [/restricted/i, ['ak-attributes']],
  [/no (?:matching )?(?:TCB )?level/i, ['tcb-level']],
  [/TCB status|out of date/i, ['tcb-status']],
  [/expired|not yet valid/i, ['certificate-dates', 'collateral-freshness']],
];

/** The checks a reason may mean; undefined when it is not understood, and any refusal will do. */
export function checksFor(reason: string): readonly CheckName[] | undefined {
  return reasons.find(([pattern]) => pattern.test(reason))?.[1];
}

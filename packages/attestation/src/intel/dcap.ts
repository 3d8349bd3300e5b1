import {
  type Certificate,
  concatBytes,
  equalBytes,
  importPublicKey,
  sha256,
  verifyEcdsa,
} from '@coco/crypto';
import {
  checkPathDates,
  commonName,
  parseCertificates,
  parsePemCertificates,
  verifyPath,
} from '../certificate-path.ts';
import type { Checklist } from '../checklist.ts';
import { insist, refuse } from '../errors.ts';
import type { Endorsements } from '../evidence.ts';
import { isZero } from '../reader.ts';
import type { IntelPolicy, TrustMaterial } from '../trust.ts';
import {
  type CollateralKind,
  type TcbStatus,
  type VerifiedCollateral,
  verifyCollateral,
} from './collateral.ts';
import { type PckIdentity, readPckIdentity } from './pck.ts';
import { ecdsaP256KeyType, intelQeVendor, parseEnclaveReport, parseQuote, type Quote } from './quote.ts';
import { checkQuotingEnclave, mergeStatus, type TcbVerdict } from './tcb-status.ts';

/** A quote whose signatures lead to Intel, with what Intel says about the platform. */
export interface AuthenticQuote extends VerifiedCollateral {
  readonly quote: Quote;
  readonly pck: PckIdentity;
  readonly qeStatus: TcbStatus;
  readonly qeAdvisories: readonly string[];
}

export interface DcapRules {
  readonly versions: readonly number[];
  readonly tee: number;
  readonly kind: CollateralKind;
}

/** SubjectPublicKeyInfo of a P-256 key up to its coordinates. */
const p256Prefix = Uint8Array.fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004');

/** Verifies a quote up to its signature, in the order of Intel's own library. */
export function authenticateQuote(
  bytes: Uint8Array,
  endorsements: Endorsements,
  rules: DcapRules,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): AuthenticQuote {
  const quote = checks.run('evidence-shape', () => parseQuote(bytes));
  checks.run(
    'evidence-version',
    () => {
      insist(rules.versions.includes(quote.version), `quote version ${quote.version} is not understood here`);
      insist(quote.tee === rules.tee, `the quote is of TEE type ${quote.tee}, not ${rules.tee}`);
    },
    () => `${quote.version}`,
  );
  checks.run('signature-algorithm', () =>
    insist(quote.attestationKeyType === ecdsaP256KeyType, `attestation key type ${quote.attestationKeyType}`),
  );
  checks.run('qe-vendor', () =>
    insist(quote.qeVendor === intelQeVendor, `QE vendor ${quote.qeVendor} is not Intel`),
  );
  const roots = trust.roots.intel;
  const chain = checks.run('certificate-shape', () => pckChain(quote, endorsements));
  const pck = checks.run(
    'certificate-kind',
    () => {
      const name = commonName(chain[0]?.subject ?? '');
      insist(chain.length === 3, `the PCK chain has ${chain.length} certificates, not 3`);
      insist(name === 'Intel SGX PCK Certificate', `the first certificate is "${name}", not Intel's PCK`);
      insist(
        /^Intel SGX PCK (Processor|Platform) CA$/.test(commonName(chain[1]?.subject ?? '')),
        `"${chain[1]?.subject}" is no authority for PCK certificates`,
      );
      return readPckIdentity(chain[0]!);
    },
    ({ fmspc }) => `FMSPC ${fmspc}`,
  );
  verifyPath(checks, chain, { roots, selfSignedRoot: true });
  checkPathDates(checks, chain, now);
  const given = checks.run(
    'collateral-shape',
    () => endorsements.collateral ?? refuse("Intel's collateral is not at hand"),
  );
  const verified = verifyCollateral(checks, given, { pck, chain, kind: rules.kind }, roots, now);
  checkAge(checks, verified, trust.policy.intel ?? {});
  const qe = checkQuote(checks, quote, chain[0]!.publicKey, verified);
  return { quote, pck, ...verified, qeStatus: qe.status, qeAdvisories: qe.advisories };
}

/** Most quotes carry the chain of their platform's key; for those that do not, it is given beside them. */
function pckChain({ certificates }: Quote, endorsements: Endorsements): readonly Certificate[] {
  if (endorsements.certificates !== undefined) return parseCertificates(endorsements.certificates);
  return parsePemCertificates(certificates ?? refuse("the quote does not carry the platform's certificates"));
}

function checkAge(checks: Checklist, { tcbInfo, qeIdentity }: VerifiedCollateral, policy: IntelPolicy): void {
  const number = Math.min(tcbInfo.evaluationNumber, qeIdentity.evaluationNumber);
  checks.ask('collateral-age', policy.minTcbEvaluationDataNumber, (least) =>
    insist(number >= least, `the collateral is of evaluation ${number}, before ${least}`),
  );
}

/** From the platform's key over the quoting enclave to the attestation key, and with that over the quote. */
function checkQuote(
  checks: Checklist,
  quote: Quote,
  pckKey: Parameters<typeof verifyEcdsa>[0],
  { qeIdentity }: VerifiedCollateral,
): ReturnType<typeof checkQuotingEnclave> {
  const ecdsa = { hash: 'SHA-256', format: 'p1363' } as const;
  checks.run('qe-report-signature', () =>
    verifyEcdsa(pckKey, quote.qeReportSignature, quote.qeReport, ecdsa),
  );
  const qeReport = parseEnclaveReport(quote.qeReport);
  checks.run('attestation-key-binding', () => {
    const bound = sha256(concatBytes(quote.attestationKey, quote.qeAuthData));
    const { reportData } = qeReport;
    insist(
      equalBytes(reportData.subarray(0, 32), bound) && isZero(reportData.subarray(32)),
      'the quoting enclave vouches for another attestation key',
    );
  });
  const level = checks.run(
    'qe-identity',
    () => checkQuotingEnclave(qeReport, qeIdentity),
    ({ status }) => status,
  );
  checks.run('evidence-signature', () => {
    const key = importPublicKey(concatBytes(p256Prefix, quote.attestationKey));
    verifyEcdsa(key, quote.signature, quote.signed, ecdsa);
  });
  return level;
}

/** Folds the quoting enclave's status into the platform's. */
export function withQuotingEnclave(
  verdict: TcbVerdict,
  { qeStatus, qeAdvisories }: AuthenticQuote,
): TcbVerdict {
  return {
    ...verdict,
    status: mergeStatus(verdict.status, qeStatus),
    advisories: [...new Set([...verdict.advisories, ...qeAdvisories])],
  };
}

/** Accepts a TCB status as the policy says; `Revoked` never. */
export function checkStatus(
  checks: Checklist,
  { status, advisories, date }: TcbVerdict,
  policy: IntelPolicy,
): void {
  const found = `${status} of ${date}${advisories.length === 0 ? '' : ` (${advisories.join(', ')})`}`;
  checks.run(
    'tcb-status',
    () => {
      const accepted = policy.statuses ?? ['UpToDate'];
      insist(status !== 'Revoked' && accepted.includes(status), `the TCB is ${found}`);
      const excused = policy.advisories;
      if (status === 'UpToDate' || excused === undefined) return;
      const open = advisories.filter((one) => !excused.includes(one));
      insist(open.length === 0, `the TCB is ${status} for ${open.join(', ')}`);
    },
    () => found,
  );
}

/** Which machine: the instance id of a multi-socket platform, else the protected platform id. */
export function platformIdOf({ platformInstanceId, ppid }: PckIdentity): string {
  return platformInstanceId ?? ppid;
}

import { sha256 } from '@coco/crypto';
import { boundBy, checkReportData, expectedReportData } from './binding.ts';
import type { Checklist } from './checklist.ts';
import type { Claims } from './claims.ts';
import { insist } from './errors.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import {
  type AuthenticQuote,
  authenticateQuote,
  checkStatus,
  platformIdOf,
  withQuotingEnclave,
} from './intel/dcap.ts';
import { type EnclaveReport, parseEnclaveReport, teeType } from './intel/quote.ts';
import { sgxStatus, type TcbVerdict } from './intel/tcb-status.ts';
import { judge } from './judgement.ts';
import { isZero } from './reader.ts';
import type { Expected, IntelPolicy, TrustMaterial } from './trust.ts';

type SgxEvidence = Extract<Evidence, { platform: 'sgx' }>;

const rules = { versions: [3], tee: teeType.sgx, kind: { tcbInfoId: 'SGX', qeIdentityId: 'QE' } } as const;

/** Bits of the first byte of ATTRIBUTES. */
const flag = { initialised: 1, debug: 2, mode64: 4, provisionKey: 16 } as const;

/** Verifies a quote of Intel SGX, version 3, with Open Enclave's claims beside it or without. */
export function verifySgx(
  evidence: SgxEvidence,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Claims {
  const { policy } = trust;
  const intel = policy.intel ?? {};
  const authentic = authenticateQuote(evidence.quote, endorsements, rules, trust, now, checks);
  const report = parseEnclaveReport(authentic.quote.body);
  const verdict = checks.run(
    'tcb-level',
    () => withQuotingEnclave(sgxStatus(authentic.tcbInfo, authentic.pck), authentic),
    ({ date }) => date,
  );
  const claims = claimsOf(authentic, report, verdict);
  judge(checks, claims, policy, () => {
    checkStatus(checks, verdict, intel);
    checkEnclave(checks, report, intel);
  });
  checkBinding(checks, report, evidence.claims, trust.expected);
  return claims;
}

function checkEnclave(checks: Checklist, report: EnclaveReport, policy: IntelPolicy): void {
  const flags = report.attributes[0] ?? 0;
  checks.run('enclave-attributes', () => {
    insist((flags & flag.initialised) !== 0, 'the enclave is not initialised');
    insist(
      (flags & flag.provisionKey) === 0 || policy.allowProvisionKey === true,
      'the enclave may use the provisioning key',
    );
  });
  checks.ask('signer', policy.minIsvSvn, (least) => {
    insist(
      policy.isvProdId === undefined || report.isvProdId === policy.isvProdId,
      `product ${report.isvProdId}`,
    );
    insist(report.isvSvn >= least, `the enclave's security version is ${report.isvSvn}, below ${least}`);
  });
}

/** Open Enclave puts the digest of its claims into the report data, and the caller's 32 bytes at their end. */
function checkBinding(
  checks: Checklist,
  report: EnclaveReport,
  custom: Uint8Array | undefined,
  expected: Expected | undefined,
): void {
  if (custom === undefined) {
    checkReportData(checks, report.reportData, expected);
    return;
  }
  checks.run('custom-claims', () => {
    const [head, tail] = [report.reportData.subarray(0, 32), report.reportData.subarray(32)];
    insist(
      sha256(custom).toHex() === head.toHex() && isZero(tail),
      'the report data is not the digest of the claims',
    );
  });
  checks.ask('report-data', boundBy(expected), (wanted) => {
    const bytes = expectedReportData(wanted) ?? custom;
    const found = custom.subarray(-32).toHex();
    insist(custom.length >= 32 && isZero(bytes.subarray(32)), 'these claims have room for 32 bytes');
    insist(
      found === bytes.subarray(0, 32).toHex(),
      `the claims hold ${found}, which does not bind the expected key`,
    );
  });
}

function claimsOf(
  { pck, quote, tcbInfo }: AuthenticQuote,
  report: EnclaveReport,
  verdict: TcbVerdict,
): Claims {
  return {
    platform: 'sgx',
    assurance: 'processor',
    product: `Intel FMSPC ${pck.fmspc}`,
    hardware: { quoteVersion: quote.version, fmspc: pck.fmspc, pceSvn: pck.pceSvn, ppid: pck.ppid },
    firmware: {
      cpuSvn: report.cpuSvn,
      tcbDate: verdict.date,
      tcbEvaluation: tcbInfo.evaluationNumber,
      attributes: report.attributes.toHex(),
      isvProdId: report.isvProdId,
      isvSvn: report.isvSvn,
      configSvn: report.configSvn,
    },
    debug: ((report.attributes[0] ?? 0) & flag.debug) !== 0,
    measurement: report.mrEnclave,
    measurements: { mrenclave: report.mrEnclave, mrsigner: report.mrSigner },
    configuration: report.configId,
    signer: report.mrSigner,
    platformId: platformIdOf(pck),
    reportData: report.reportData.toHex(),
    tcbStatus: verdict.status,
    advisories: verdict.advisories,
    warnings: [],
  };
}

import { checkReportData } from './binding.ts';
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
import { parseTdReport, type TdReport, teeType } from './intel/quote.ts';
import { moduleOf, type TcbVerdict, tdxStatus } from './intel/tcb-status.ts';
import { judge } from './judgement.ts';
import type { IntelPolicy, TrustMaterial } from './trust.ts';

type TdxEvidence = Extract<Evidence, { platform: 'tdx' }>;

const rules = {
  versions: [4, 5],
  tee: teeType.tdx,
  kind: { tcbInfoId: 'TDX', qeIdentityId: 'TD_QE' },
} as const;

/** Bits of TDATTRIBUTES. The rest of the first byte must be zero. */
const attribute = { debug: 0n, septVeDisable: 28n, migratable: 29n } as const;
const zeroMeasurement = '0'.repeat(96);

/** Verifies a quote of Intel TDX, version 4 or 5. */
export function verifyTdx(
  evidence: TdxEvidence,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Claims {
  const { policy } = trust;
  const intel = policy.intel ?? {};
  const authentic = authenticateQuote(evidence.quote, endorsements, rules, trust, now, checks);
  const report = parseTdReport(authentic.quote.body, authentic.quote.bodyKind);
  checks.run(
    'tdx-module',
    () => moduleOf(authentic.tcbInfo, report),
    ({ id }) => id,
  );
  const verdict = checks.run(
    'tcb-level',
    () => withQuotingEnclave(tdxStatus(authentic.tcbInfo, authentic.pck, report), authentic),
    ({ date }) => date,
  );
  const claims = claimsOf(authentic, report, verdict);
  judge(checks, claims, policy, () => {
    checkStatus(checks, verdict, intel);
    checkDomain(checks, report, intel);
  });
  checkReportData(checks, report.reportData, trust.expected);
  return claims;
}

/** What the trust domain was launched with. */
function checkDomain(checks: Checklist, { attributes, now }: TdReport, policy: IntelPolicy): void {
  const has = (bit: bigint) => ((attributes >> bit) & 1n) === 1n;
  checks.run('td-attributes', () => {
    insist((attributes & 0xfen) === 0n, `reserved attributes are set: ${attributes.toString(16)}`);
    insist(
      has(attribute.septVeDisable) || policy.allowSeptVe === true,
      'SEPT_VE_DISABLE is off: the host can inject faults',
    );
  });
  checks.run('migration', () => insist(!has(attribute.migratable), 'the trust domain can be migrated'));
  checks.run('service-td', () => {
    const bound = now?.mrServiceTd ?? zeroMeasurement;
    insist(bound === zeroMeasurement || policy.allowServiceTd === true, `service domain ${bound} is bound`);
  });
}

function claimsOf(authentic: AuthenticQuote, report: TdReport, verdict: TcbVerdict): Claims {
  const { pck, quote, tcbInfo } = authentic;
  const running = report.now?.teeTcbSvn.toHex();
  return {
    platform: 'tdx',
    assurance: 'processor',
    product: `Intel FMSPC ${pck.fmspc}`,
    hardware: { quoteVersion: quote.version, fmspc: pck.fmspc, pceSvn: pck.pceSvn, ppid: pck.ppid },
    firmware: {
      teeTcbSvn: report.teeTcbSvn.toHex(),
      ...(running === undefined ? {} : { runningTeeTcbSvn: running }),
      mrSeam: report.mrSeam,
      tcbDate: verdict.date,
      tcbEvaluation: tcbInfo.evaluationNumber,
      attributes: `0x${report.attributes.toString(16)}`,
      xfam: report.xfam,
    },
    debug: (report.attributes & 1n) === 1n,
    measurement: report.mrTd,
    measurements: {
      mrtd: report.mrTd,
      ...Object.fromEntries(report.rtmrs.map((value, index) => [`rtmr${index}`, value])),
      mrconfigid: report.mrConfigId,
      mrowner: report.mrOwner,
      mrownerconfig: report.mrOwnerConfig,
      ...(report.now === undefined ? {} : { mrservicetd: report.now.mrServiceTd }),
    },
    configuration: report.mrConfigId,
    signer: report.mrOwner === zeroMeasurement ? null : report.mrOwner,
    platformId: platformIdOf(pck),
    reportData: report.reportData.toHex(),
    tcbStatus: verdict.status,
    advisories: verdict.advisories,
    warnings:
      running === undefined || running === report.teeTcbSvn.toHex()
        ? []
        : ['the TDX module was updated after launch'],
  };
}

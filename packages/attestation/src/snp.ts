import { verifyEcdsa } from '@coco/crypto';
import { type AmdEndorsement, checkNames, readEndorsement, signingKeyKind } from './amd/certificate.ts';
import {
  type AmdProductRow,
  type AmdTcb,
  checkTcbFloor,
  describeTcb,
  parseTcb,
  productOfCpuid,
  productOfIssuer,
  tcbDifference,
} from './amd/products.ts';
import {
  checkReportAlgorithm,
  hasBit,
  parseSnpReport,
  platformBit,
  policyBit,
  reportHeader,
  reportSignature,
  reportVersions,
  type SnpReport,
} from './amd/report.ts';
import { checkSecurityPolicy } from './azure/security-policy.ts';
import { checkUvmEndorsement, type UvmEndorsement, verifyUvmEndorsement } from './azure/uvm.ts';
import { checkReportData } from './binding.ts';
import {
  checkPathDates,
  checkRevocation,
  commonName,
  parseCertificates,
  verifyPath,
} from './certificate-path.ts';
import type { Checklist } from './checklist.ts';
import type { Claims } from './claims.ts';
import { insist } from './errors.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import { judge } from './judgement.ts';
import { isZero } from './reader.ts';
import type { AmdProtection, SnpPolicy, TrustMaterial } from './trust.ts';

type SnpEvidence = Extract<Evidence, { platform: 'snp' }>;

/** A report that AMD's key vouches for, and what the key's certificate adds. */
interface Authentic {
  readonly report: SnpReport;
  readonly row: AmdProductRow;
  readonly endorsement: AmdEndorsement;
  readonly tcb: Readonly<Record<'reported' | 'committed' | 'current' | 'launch', AmdTcb>>;
}

/** Verifies a report of AMD SEV-SNP, in an Azure confidential container with what that adds. */
export function verifySnp(
  evidence: SnpEvidence,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Claims {
  const { policy } = trust;
  const snp = policy.snp ?? {};
  const authentic = authenticate(evidence.report, endorsements, trust, now, checks);
  const uvm = verifyUvm(endorsements, authentic.report, now, checks);
  const claims = claimsOf(authentic, uvm);
  // An endorsed utility machine needs no list of measurements: its issuer and version stand for it.
  const { measurements: _listed, ...rest } = policy;
  judge(checks, claims, snp.uvmEndorsers === undefined ? policy : rest, () => {
    checkState(checks, authentic, snp);
    checkVersions(checks, authentic, snp);
    checkSecurityPolicy(checks, endorsements.securityPolicy, authentic.report.hostData);
    checks.ask('uvm-issuer', snp.uvmEndorsers, (endorsers) => {
      insist(uvm !== undefined, 'the utility machine is not endorsed');
      checkUvmEndorsement(checks, uvm, endorsers);
    });
  });
  checkReportData(checks, authentic.report.reportData, trust.expected);
  return claims;
}

function authenticate(
  bytes: Uint8Array,
  endorsements: Endorsements,
  trust: TrustMaterial,
  now: number,
  checks: Checklist,
): Authentic {
  const snp = trust.policy.snp ?? {};
  const { version, algorithm } = checks.run('evidence-shape', () => reportHeader(bytes));
  const least = Math.max(snp.minReportVersion ?? 3, reportVersions.least);
  checks.run(
    'evidence-version',
    () =>
      insist(
        version >= least && version <= reportVersions.most,
        `report version ${version} is not from ${least} to ${reportVersions.most}`,
      ),
    () => `${version}`,
  );
  checks.run('signature-algorithm', () => checkReportAlgorithm(algorithm));
  const report = parseSnpReport(bytes);
  const chain = checks.run('certificate-shape', () => parseCertificates(endorsements.certificates ?? []));
  const leaf = chain[0]!;
  const row = checks.run(
    'cpu-family',
    () =>
      report.cpuid === undefined
        ? productOfIssuer(commonName(leaf.issuer))
        : productOfCpuid(report.cpuid.family, report.cpuid.model),
    ({ product }) => product,
  );
  verifyPath(checks, chain, { roots: trust.roots.amd[row.product], selfSignedRoot: true });
  checks.run('certificate-kind', () => checkNames(chain, row.product));
  const signature = checks.run('signature-shape', () => reportSignature(report.signature));
  checks.run('evidence-signature', () =>
    verifyEcdsa(leaf.publicKey, signature, report.signed, { hash: 'SHA-384', format: 'p1363' }),
  );
  checkPathDates(checks, chain, now);
  checks.run('revocation', () => {
    // The root's list is the only one: it names intermediates. Leaves all have the serial number 0.
    const covered = checkRevocation(chain, endorsements.crls ?? [], now);
    insist(
      snp.requireCrl !== true || covered[1] === true,
      "AMD's revocation list is required and not at hand",
    );
  });
  return { report, row, ...bind(checks, report, leaf, row) };
}

/** What ties the certificate to this report beyond the signature. */
function bind(
  checks: Checklist,
  report: SnpReport,
  leaf: Parameters<typeof readEndorsement>[0],
  row: AmdProductRow,
): Pick<Authentic, 'endorsement' | 'tcb'> {
  const kind = signingKeyKind(leaf);
  checks.run('signing-key-kind', () => {
    const signer = (report.keyInfo >> 2) & 7;
    insist(
      signer === (kind === 'VCEK' ? 0 : 1),
      `the report says signing key ${signer}, the certificate ${kind}`,
    );
  });
  return checks.run(
    'endorsed-tcb',
    () => {
      const endorsement = readEndorsement(leaf, row);
      const tcb = {
        reported: parseTcb(report.reportedTcb, row),
        committed: parseTcb(report.committedTcb, row),
        current: parseTcb(report.currentTcb, row),
        launch: parseTcb(report.launchTcb, row),
      };
      const part = tcbDifference(endorsement.tcb, tcb.reported);
      insist(
        part === undefined,
        `the certificate is for ${describeTcb(endorsement.tcb)}; the report says ${describeTcb(tcb.reported)}`,
      );
      return { endorsement, tcb };
    },
    ({ tcb }) => describeTcb(tcb.reported),
  );
}

function verifyUvm(
  endorsements: Endorsements,
  report: SnpReport,
  now: number,
  checks: Checklist,
): UvmEndorsement | undefined {
  if (endorsements.uvm === undefined) return undefined;
  const endorsement = verifyUvmEndorsement(checks, endorsements.uvm, now);
  checks.run('uvm-measurement', () => {
    const measured = report.measurement.toHex();
    insist(
      measured === endorsement.measurement,
      `the endorsed utility machine is ${endorsement.measurement}, the measured one ${measured}`,
    );
  });
  return endorsement;
}

/** The state of the machine at the time of the report. */
function checkState(checks: Checklist, { report, endorsement }: Authentic, snp: SnpPolicy): void {
  checks.run(
    'signing-key-kind',
    () =>
      insist(
        endorsement.kind === 'VCEK' || snp.allowVlek === true,
        'signed with a VLEK, which the cloud holds',
      ),
    () => endorsement.kind,
  );
  checks.run('chip-key', () => insist((report.keyInfo & 2) === 0, 'the chip key is masked'));
  const maxVmpl = Math.min(snp.maxVmpl ?? 0, 3);
  checks.run(
    'vmpl',
    () => insist(report.vmpl <= maxVmpl, `asked for at VMPL ${report.vmpl}, above ${maxVmpl}`),
    () => `${report.vmpl}`,
  );
  checks.run('migration', () => {
    insist(!hasBit(report.policy, policyBit.migration), 'the guest policy allows migration by an agent');
    insist(
      report.migrationAgentReportId.every((byte) => byte === 0xff),
      'a migration agent is bound',
    );
  });
  checks.run(
    'chip-id',
    () => {
      const { hardwareId } = endorsement;
      if (hardwareId === undefined) return;
      const [head, tail] = [
        report.chipId.subarray(0, hardwareId.length),
        report.chipId.subarray(hardwareId.length),
      ];
      insist(head.toHex() === hardwareId.toHex() && isZero(tail), 'the certificate is of another chip');
    },
    () => (endorsement.hardwareId === undefined ? `any chip of ${endorsement.cloud}` : ''),
  );
}

function checkVersions(checks: Checklist, { report, row, tcb }: Authentic, snp: SnpPolicy): void {
  checks.ask('cpu-family', snp.products, (products) =>
    insist(products.includes(row.product), `${row.product} is not accepted`),
  );
  checks.ask('minimum-tcb', snp.minTcb, (floors) => {
    // The reported one is certified, the committed one is what the host cannot go below, and a guest that
    // was launched by older firmware was measured by it.
    const floor = floors[row.product];
    insist(floor !== undefined, `no minimum is given for ${row.product}`);
    for (const which of ['reported', 'committed', 'launch'] as const) checkTcbFloor(which, tcb[which], floor);
  });
  checks.ask('minimum-tcb', snp.minFirmware, (least) => {
    const { major, minor, build } = report.committedFirmware;
    const found = [major, minor, build];
    const at = found.findIndex((part, index) => part !== least[index]);
    insist(at === -1 || found[at]! > least[at]!, `firmware ${found.join('.')} is below ${least.join('.')}`);
  });
  checks.ask('platform-info', snp.require, (wanted) => {
    for (const one of wanted) insist(protections[one](report.platformInfo), `${one} is not in force`);
  });
}

const protections: Readonly<Record<AmdProtection, (info: bigint) => boolean>> = {
  'smt-off': (info) => !hasBit(info, platformBit.smt),
  tsme: (info) => hasBit(info, platformBit.tsme),
  ecc: (info) => hasBit(info, platformBit.ecc),
  'rapl-off': (info) => hasBit(info, platformBit.raplOff),
  'ciphertext-hiding': (info) => hasBit(info, platformBit.ciphertextHiding),
  'alias-check': (info) => hasBit(info, platformBit.aliasCheck),
};

function claimsOf({ report, row, endorsement, tcb }: Authentic, uvm: UvmEndorsement | undefined): Claims {
  const { build, minor, major } = report.currentFirmware;
  const { committedFirmware: committed } = report;
  const idKey = isZero(report.idKeyDigest) ? null : report.idKeyDigest.toHex();
  return {
    platform: 'snp',
    assurance: endorsement.kind === 'VCEK' ? 'processor' : 'cloud',
    product: `AMD EPYC ${row.product}`,
    hardware: {
      reportVersion: report.version,
      ...(report.cpuid === undefined
        ? {}
        : { family: report.cpuid.family, model: report.cpuid.model, cpuid: cpuidText(report.cpuid) }),
      signingKey: endorsement.kind,
      ...(endorsement.cloud === undefined ? {} : { cloud: endorsement.cloud }),
      vmpl: report.vmpl,
      smt: hasBit(report.platformInfo, platformBit.smt),
      aliasCheck: hasBit(report.platformInfo, platformBit.aliasCheck),
    },
    firmware: {
      ...tcb.reported,
      version: `${major}.${minor}.${build}`,
      committedVersion: `${committed.major}.${committed.minor}.${committed.build}`,
      guestPolicy: `0x${report.policy.toString(16)}`,
      guestSvn: report.guestSvn,
      ...(uvm === undefined ? {} : { uvmFeed: uvm.feed, uvmSvn: uvm.svn }),
    },
    debug: hasBit(report.policy, policyBit.debug),
    measurement: report.measurement.toHex(),
    measurements: { launch: report.measurement.toHex() },
    configuration: report.hostData.toHex(),
    signer: uvm?.did ?? idKey,
    platformId: isZero(report.chipId) ? null : report.chipId.toHex(),
    reportData: report.reportData.toHex(),
    tcbStatus: null,
    advisories: [],
    warnings: warningsOf(report, tcb, endorsement),
  };
}

/** The processor's signature as CPUID leaf 1 gives it, eight hex digits: how CCF names processors. */
function cpuidText({ family, model, stepping }: NonNullable<SnpReport['cpuid']>): string {
  const base = 0xf;
  const extendedFamily = Math.max(family - base, 0);
  const value =
    (extendedFamily << 20) | ((model >> 4) << 16) | (base << 8) | ((model & 0xf) << 4) | (stepping & 0xf);
  return (value >>> 0).toString(16).padStart(8, '0');
}

function warningsOf(report: SnpReport, tcb: Authentic['tcb'], endorsement: AmdEndorsement): string[] {
  const warnings: string[] = [];
  if (tcbDifference(tcb.reported, tcb.current) !== undefined) {
    warnings.push(`runs ${describeTcb(tcb.current)} and reports ${describeTcb(tcb.reported)}`);
  }
  if (report.cpuid === undefined) warnings.push('the report does not name the processor');
  if (endorsement.kind === 'VLEK')
    warnings.push('the cloud holds the signing key; machines cannot be told apart');
  if (!hasBit(report.platformInfo, platformBit.aliasCheck)) {
    warnings.push('the memory was not checked for aliases (AMD-SB-3015)');
  }
  return warnings;
}

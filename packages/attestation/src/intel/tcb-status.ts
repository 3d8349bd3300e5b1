import { insist, refuse } from '../errors.ts';
import type { ModuleIdentity, QeIdentity, SvnLevel, TcbInfo, TcbLevel, TcbStatus } from './collateral.ts';
import type { PckIdentity } from './pck.ts';
import type { EnclaveReport, TdReport } from './quote.ts';

/** The vendor's word on a platform: the merged status, with every advisory that led to it. */
export interface TcbVerdict {
  readonly status: TcbStatus;
  /** Date of the platform's level: how long a fix has been out. */
  readonly date: string;
  readonly advisories: readonly string[];
  readonly moduleSvn: number | undefined;
}

/**
 * The newest level that the platform reaches: every component, the PCE, and for TDX every component of the
 * TD's TCB from `tdxFrom` on. Levels are listed newest first.
 */
export function levelOf(
  levels: readonly TcbLevel[],
  pck: PckIdentity,
  tdx: { readonly svn: Uint8Array; readonly from: number } | undefined,
): TcbLevel {
  const level = levels.find(
    (one) =>
      reachesSgx(one, pck) &&
      (tdx === undefined ||
        one.tdx.every((least, index) => index < tdx.from || (tdx.svn[index] ?? 0) >= least)),
  );
  return level ?? refuse('the platform reaches none of the TCB levels');
}

function reachesSgx(level: TcbLevel, pck: PckIdentity): boolean {
  return (
    level.sgx.every((least, index) => (pck.components[index] ?? 0) >= least) && pck.pceSvn >= level.pceSvn
  );
}

/** The newest level of an enclave or module that `svn` reaches. */
export function svnLevelOf(levels: readonly SvnLevel[], svn: number, what: string): SvnLevel {
  return (
    levels.find((one) => svn >= one.svn) ?? refuse(`${what} of version ${svn} reaches none of its levels`)
  );
}

/** Finds the module that measured the TD, and insists that Intel signed it. */
export function moduleOf(tcbInfo: TcbInfo, report: TdReport): ModuleIdentity {
  const version = report.teeTcbSvn[1] ?? 0;
  const id = version === 0 ? '' : `TDX_${version.toString(16).padStart(2, '0')}`;
  const module = tcbInfo.modules.find((one) => one.id.toLowerCase() === id.toLowerCase());
  if (module === undefined) refuse(`no identity is given for TDX module ${id}`);
  insist(
    module.mrSigner.toHex() === report.mrSignerSeam,
    `the TDX module is signed by ${report.mrSignerSeam}`,
  );
  const found = Uint8Array.fromHex(report.seamAttributes).map(
    (byte, index) => byte & module.attributesMask[index]!,
  );
  insist(
    found.toHex() === module.attributes.toHex(),
    `the TDX module has attributes ${report.seamAttributes}`,
  );
  return module;
}

/** Insists that the enclave that made the quote is the one Intel names. */
export function checkQuotingEnclave(report: EnclaveReport, identity: QeIdentity): SvnLevel {
  const masked = (bytes: Uint8Array, mask: Uint8Array) =>
    bytes.map((byte, index) => byte & mask[index]!).toHex();
  const { miscSelect, miscSelectMask, attributes, attributesMask } = identity;
  insist(
    masked(report.miscSelect, miscSelectMask) === masked(miscSelect, miscSelectMask),
    'MISCSELECT differs',
  );
  insist(
    masked(report.attributes, attributesMask) === masked(attributes, attributesMask),
    'attributes differ',
  );
  insist(
    identity.mrSigner.toHex() === report.mrSigner,
    `the quoting enclave is signed by ${report.mrSigner}`,
  );
  insist(identity.isvProdId === report.isvProdId, `the quoting enclave is product ${report.isvProdId}`);
  return svnLevelOf(identity.levels, report.isvSvn, 'the quoting enclave');
}

/** Folds the status of a part (module, quoting enclave) into that of the platform, as Intel's library does. */
export function mergeStatus(platform: TcbStatus, part: TcbStatus): TcbStatus {
  if (part === 'Revoked' || platform === 'Revoked') return 'Revoked';
  if (part !== 'OutOfDate') return platform;
  switch (platform) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
    case 'TDRelaunchAdvised':
      return 'OutOfDate';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
    case 'TDRelaunchAdvisedConfigurationNeeded':
      return 'OutOfDateConfigurationNeeded';
    case 'OutOfDate':
    case 'OutOfDateConfigurationNeeded':
      return platform;
  }
}

/** The status of an SGX platform. */
export function sgxStatus(tcbInfo: TcbInfo, pck: PckIdentity): TcbVerdict {
  const { status, date, advisories } = levelOf(tcbInfo.levels, pck, undefined);
  return { status, date, advisories, moduleSvn: undefined };
}

/** The status of a TDX platform, its module and (TD 1.5) what runs now counted in. */
export function tdxStatus(tcbInfo: TcbInfo, pck: PckIdentity, report: TdReport): TcbVerdict {
  const svn = report.teeTcbSvn;
  const separate = (svn[1] ?? 0) > 0;
  // The first two components are the module's version, which has levels of its own since modules have names.
  const level = levelOf(tcbInfo.levels, pck, { svn, from: separate ? 2 : 0 });
  if (!separate) return { ...level, moduleSvn: undefined };
  const module = moduleOf(tcbInfo, report);
  const moduleLevel = svnLevelOf(module.levels, svn[0] ?? 0, `TDX module ${module.id}`);
  const merged = mergeStatus(level.status, moduleLevel.status);
  const status = relaunchStatus(tcbInfo, pck, report, module) ?? merged;
  const outdated = merged === 'OutOfDate' || merged === 'OutOfDateConfigurationNeeded';
  return {
    status: outdated ? status : merged,
    date: level.date,
    advisories: [...new Set([...level.advisories, ...moduleLevel.advisories])],
    moduleSvn: svn[0],
  };
}

/**
 * TD 1.5: the domain was launched by a module that is out of date, but platform and module are up to date by
 * now, so that launching it again is all there is to do.
 */
function relaunchStatus(
  tcbInfo: TcbInfo,
  pck: PckIdentity,
  report: TdReport,
  module: ModuleIdentity,
): TcbStatus | undefined {
  const [newest] = tcbInfo.levels;
  const [newestModule] = module.levels;
  const running = report.now?.teeTcbSvn;
  if (newest === undefined || newestModule === undefined || running === undefined) return undefined;
  const current =
    reachesSgx(newest, pck) &&
    (running[0] ?? 0) >= newestModule.svn &&
    running[1] === report.teeTcbSvn[1] &&
    (running[2] ?? 0) >= (newest.tdx[2] ?? 0);
  if (!current) return undefined;
  switch (newest.status) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
      return 'TDRelaunchAdvised';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
      return 'TDRelaunchAdvisedConfigurationNeeded';
    default:
      return undefined;
  }
}

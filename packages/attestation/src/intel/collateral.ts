import { type Certificate, parseCrl, verifyCrl, verifyEcdsa } from '@coco/crypto';
import {
  checkPathDates,
  commonName,
  isoTime,
  parsePemCertificates,
  verifyPath,
} from '../certificate-path.ts';
import type { CheckName } from '../check-names.ts';
import type { Checklist } from '../checklist.ts';
import { insist, refuse } from '../errors.ts';
import type { Collateral } from '../evidence.ts';
import {
  asObject,
  hexAt,
  type JsonObject,
  listAt,
  parseJsonObject,
  textAt,
  timeAt,
  wholeAt,
} from '../json.ts';
import type { PckIdentity } from './pck.ts';

/** Statuses of a TCB level, in Intel's words. */
export const tcbStatuses = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;
export type TcbStatus = (typeof tcbStatuses)[number];

/** What a platform's versions amount to. */
export interface TcbLevel {
  readonly sgx: readonly number[];
  readonly pceSvn: number;
  /** TDX only. */
  readonly tdx: readonly number[];
  readonly status: TcbStatus;
  readonly date: string;
  readonly advisories: readonly string[];
}

/** What a version of an enclave or module amounts to. */
export interface SvnLevel {
  readonly svn: number;
  readonly status: TcbStatus;
  readonly date: string;
  readonly advisories: readonly string[];
}

export interface ModuleIdentity {
  /** `TDX_01`; the empty text for modules of the first kind, which have no version of their own. */
  readonly id: string;
  readonly mrSigner: Uint8Array;
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  readonly levels: readonly SvnLevel[];
}

export interface TcbInfo {
  readonly id: string;
  readonly fmspc: string;
  readonly pceId: string;
  readonly evaluationNumber: number;
  /** Newest first. */
  readonly levels: readonly TcbLevel[];
  readonly modules: readonly ModuleIdentity[];
}

export interface QeIdentity {
  readonly id: string;
  readonly evaluationNumber: number;
  readonly miscSelect: Uint8Array;
  readonly miscSelectMask: Uint8Array;
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  readonly levels: readonly SvnLevel[];
}

/** For which environment collateral is asked. */
export interface CollateralKind {
  readonly tcbInfoId: 'SGX' | 'TDX';
  readonly qeIdentityId: 'QE' | 'TD_QE';
}

export interface VerifiedCollateral {
  readonly tcbInfo: TcbInfo;
  readonly qeIdentity: QeIdentity;
}

/** Subject of the certificate that signs TCB info and identities. */
const signerName = 'Intel SGX TCB Signing';
const tcbInfoVersion = 3;
const qeIdentityVersion = 2;

/**
 * Verifies collateral for the platform of a PCK chain: that it is for this platform at all, then its signers,
 * lists, signatures and dates. The PCK chain itself is checked against the lists.
 */
export function verifyCollateral(
  checks: Checklist,
  collateral: Collateral,
  platform: {
    readonly pck: PckIdentity;
    readonly chain: readonly Certificate[];
    readonly kind: CollateralKind;
  },
  roots: readonly string[],
  now: number,
): VerifiedCollateral {
  const texts = readTexts(checks, collateral);
  checks.run('collateral-platform', () => checkPlatform(texts, platform.pck, platform.kind));
  const signers = verifyStatements(checks, collateral, roots, now);
  checks.run('revocation', () => checkLists(collateral, signers, platform.chain, now));
  return checks.run('collateral-shape', () => ({
    tcbInfo: parseTcbInfo(texts.tcb),
    qeIdentity: parseQeIdentity(texts.qe),
  }));
}

interface Texts {
  readonly tcb: JsonObject;
  readonly qe: JsonObject;
}

function readTexts(checks: Checklist, { tcbInfo, qeIdentity }: Collateral): Texts {
  return checks.run('collateral-shape', () => ({
    tcb: parseJsonObject(tcbInfo, 'TCB info'),
    qe: parseJsonObject(qeIdentity, 'QE identity'),
  }));
}

/** Verifies that Intel signed both statements and that they are of this time; answers with the signers. */
export function verifyStatements(
  checks: Checklist,
  collateral: Collateral,
  roots: readonly string[],
  now: number,
): readonly Certificate[] {
  const { tcb, qe } = readTexts(checks, collateral);
  const { tcbInfoIssuerChain, tcbInfoSignature, qeIdentityIssuerChain, qeIdentitySignature } = collateral;
  const tcbSigner = verifySigner(checks, tcbInfoIssuerChain, roots, now);
  checkSignature(checks, 'tcb-info-signature', tcbSigner, collateral.tcbInfo, tcbInfoSignature);
  // The same chain as a rule.
  const sameChain = qeIdentityIssuerChain === tcbInfoIssuerChain;
  const qeSigner = sameChain ? tcbSigner : verifySigner(checks, qeIdentityIssuerChain, roots, now);
  checkSignature(checks, 'qe-identity-signature', qeSigner, collateral.qeIdentity, qeIdentitySignature);
  checks.run('collateral-freshness', () => {
    for (const [what, statement] of [
      ['TCB info', tcb],
      ['QE identity', qe],
    ] as const) {
      checkWindow(what, timeAt(statement, 'issueDate', what), timeAt(statement, 'nextUpdate', what), now);
    }
  });
  return [tcbSigner, qeSigner];
}

function checkPlatform({ tcb, qe }: Texts, pck: PckIdentity, kind: CollateralKind): void {
  // TCB info before version 3 has no id and is for SGX.
  const id = tcb.id ?? 'SGX';
  insist(id === kind.tcbInfoId, `the TCB info is for ${String(id)}, not ${kind.tcbInfoId}`);
  const qeId = textAt(qe, 'id', 'QE identity');
  insist(qeId === kind.qeIdentityId, `the QE identity is of ${qeId}, not ${kind.qeIdentityId}`);
  const fmspc = textAt(tcb, 'fmspc', 'TCB info').toLowerCase();
  insist(fmspc === pck.fmspc, `the TCB info is for FMSPC ${fmspc}, the platform is ${pck.fmspc}`);
  const pceId = textAt(tcb, 'pceId', 'TCB info').toLowerCase();
  insist(pceId === pck.pceId, `the TCB info is for PCE ${pceId}, the platform has ${pck.pceId}`);
}

function verifySigner(checks: Checklist, pem: string, roots: readonly string[], now: number): Certificate {
  const chain = checks.run('collateral-shape', () => parsePemCertificates(pem));
  const names = {
    root: 'collateral-chain',
    chain: 'collateral-chain',
  } as const;
  verifyPath(checks, chain, { roots, selfSignedRoot: true, names });
  checkPathDates(checks, chain, now, 'collateral-freshness');
  const signer = chain[0]!;
  checks.run('collateral-chain', () =>
    insist(
      chain.length === 2 && commonName(signer.subject) === signerName,
      `"${signer.subject}" is not ${signerName}`,
    ),
  );
  return signer;
}

function checkSignature(
  checks: Checklist,
  name: CheckName,
  signer: Certificate,
  text: string,
  signature: Uint8Array,
): void {
  checks.run(name, () =>
    verifyEcdsa(signer.publicKey, signature, new TextEncoder().encode(text), {
      hash: 'SHA-256',
      format: 'p1363',
    }),
  );
}

function checkWindow(what: string, from: number, to: number, now: number): void {
  insist(now >= from, `the ${what} is not valid before ${isoTime(from)}`);
  insist(now <= to, `the ${what} expired at ${isoTime(to)}`);
}

/** Both lists, and everybody they could be about: the signers, the platform's key, its authority. */
function checkLists(
  collateral: Collateral,
  signers: readonly Certificate[],
  pckChain: readonly Certificate[],
  now: number,
): void {
  const [pck, authority, root] = pckChain;
  insist(
    pck !== undefined && authority !== undefined && root !== undefined,
    'the PCK chain has no authority',
  );
  const byRoot = verifyCrl(parseCrl(collateral.rootCaCrl), root);
  const byAuthority = verifyCrl(parseCrl(collateral.pckCrl), authority);
  for (const crl of [byRoot, byAuthority]) {
    checkWindow(`revocation list of "${crl.issuer}"`, crl.thisUpdate, crl.nextUpdate ?? 0, now);
  }
  for (const certificate of [...signers, authority]) {
    insist(!byRoot.revoked.has(certificate.serial), `certificate "${certificate.subject}" is revoked`);
  }
  insist(!byAuthority.revoked.has(pck.serial), `certificate "${pck.subject}" is revoked`);
}

function parseTcbInfo(tcb: JsonObject): TcbInfo {
  const what = 'TCB info';
  insist(
    wholeAt(tcb, 'version', what) === tcbInfoVersion,
    `the TCB info is not of version ${tcbInfoVersion}`,
  );
  const id = textAt(tcb, 'id', what);
  return {
    id,
    fmspc: textAt(tcb, 'fmspc', what).toLowerCase(),
    pceId: textAt(tcb, 'pceId', what).toLowerCase(),
    evaluationNumber: wholeAt(tcb, 'tcbEvaluationDataNumber', what),
    levels: listAt(tcb, 'tcbLevels', what).map((level) => parseTcbLevel(asObject(level, 'TCB level'), id)),
    modules: id === 'TDX' ? parseModules(tcb) : [],
  };
}

function parseTcbLevel(level: JsonObject, id: string): TcbLevel {
  const what = 'TCB level';
  const tcb = asObject(level.tcb, what);
  const components = (key: string): number[] => {
    const list = listAt(tcb, key, what).map((one) => wholeAt(asObject(one, what), 'svn', what));
    insist(list.length === 16, `a TCB level has ${list.length} components in "${key}", not 16`);
    return list;
  };
  return {
    sgx: components('sgxtcbcomponents'),
    pceSvn: wholeAt(tcb, 'pcesvn', what),
    tdx: id === 'TDX' ? components('tdxtcbcomponents') : [],
    ...judgementOf(level, what),
  };
}

function parseSvnLevels(object: JsonObject, what: string): SvnLevel[] {
  return listAt(object, 'tcbLevels', what).map((entry) => {
    const level = asObject(entry, what);
    return { svn: wholeAt(asObject(level.tcb, what), 'isvsvn', what), ...judgementOf(level, what) };
  });
}

function judgementOf(level: JsonObject, what: string): Omit<SvnLevel, 'svn'> {
  const status = textAt(level, 'tcbStatus', what);
  const known = tcbStatuses.find((one) => one === status);
  if (known === undefined) refuse(`TCB status "${status}" is not known`);
  const advisories = level.advisoryIDs === undefined ? [] : listAt(level, 'advisoryIDs', what);
  return { status: known, date: textAt(level, 'tcbDate', what), advisories: advisories.map(String) };
}

function parseModules(tcb: JsonObject): ModuleIdentity[] {
  const first = asObject(tcb.tdxModule, 'TDX module');
  const later = tcb.tdxModuleIdentities === undefined ? [] : listAt(tcb, 'tdxModuleIdentities', 'TCB info');
  return [
    parseModule(first, '', []),
    ...later.map((entry) => {
      const module = asObject(entry, 'TDX module');
      return parseModule(module, textAt(module, 'id', 'TDX module'), parseSvnLevels(module, 'TDX module'));
    }),
  ];
}

function parseModule(module: JsonObject, id: string, levels: readonly SvnLevel[]): ModuleIdentity {
  const what = 'TDX module';
  return {
    id,
    mrSigner: hexAt(module, 'mrsigner', 48, what),
    attributes: hexAt(module, 'attributes', 8, what),
    attributesMask: hexAt(module, 'attributesMask', 8, what),
    levels,
  };
}

function parseQeIdentity(qe: JsonObject): QeIdentity {
  const what = 'QE identity';
  insist(
    wholeAt(qe, 'version', what) === qeIdentityVersion,
    `the QE identity is not of version ${qeIdentityVersion}`,
  );
  return {
    id: textAt(qe, 'id', what),
    evaluationNumber: wholeAt(qe, 'tcbEvaluationDataNumber', what),
    miscSelect: hexAt(qe, 'miscselect', 4, what),
    miscSelectMask: hexAt(qe, 'miscselectMask', 4, what),
    attributes: hexAt(qe, 'attributes', 16, what),
    attributesMask: hexAt(qe, 'attributesMask', 16, what),
    mrSigner: hexAt(qe, 'mrsigner', 32, what),
    isvProdId: wholeAt(qe, 'isvprodid', what),
    levels: parseSvnLevels(qe, what),
  };
}

import type { Claims } from '@coco/attestation';
import type { ReadableMapState, Tx } from '@coco/kv';
import {
  snpHostData,
  snpMeasurements,
  snpTcbVersions,
  snpUvmEndorsements,
  type TcbVersion,
  virtualHostData,
  virtualMeasurements,
} from './tables/nodes.ts';

/** An endorsement of the utility VM that a container ran in. */
export interface UvmEndorsement {
  readonly did: string;
  readonly feed: string;
  /** Security version number. */
  readonly svn: string;
}

/** What verified evidence says about the code and the platform of a node, as CCF's tables look at it. */
export type PlatformClaims =
  | {
      readonly platform: 'virtual';
      readonly measurement: string;
      /** Hex; absent when the evidence has none. */
      readonly hostData?: string;
    }
  | {
      readonly platform: 'snp';
      /** Hex launch measurement. */
      readonly measurement: string;
      readonly hostData?: string;
      readonly uvm?: UvmEndorsement;
      /** Eight lower-case hex digits. */
      readonly cpuid: string;
      readonly tcb: TcbVersion;
    };

/** The steps a join may fail at, in the order they are looked at. */
export type JoinRefusal =
  | 'FailedHostDataDigestNotFound'
  | 'FailedInvalidHostData'
  | 'FailedMeasurementNotFound'
  | 'FailedUVMEndorsementsNotFound'
  | 'FailedInvalidCPUID'
  | 'FailedInvalidTcbVersion';

/** May the node join? A refusal carries the message that `POST /node/join` answers with. */
export type JoinVerdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly refusal: JoinRefusal; readonly message: string };

const refusals: Readonly<Record<JoinRefusal, string>> = {
  FailedHostDataDigestNotFound: 'Quote does not contain trusted host data',
  FailedInvalidHostData: 'Quote host data is not authorised',
  FailedMeasurementNotFound: 'Quote does not contain known enclave measurement',
  FailedUVMEndorsementsNotFound: 'UVM endorsements are not authorised',
  FailedInvalidCPUID: 'Quote is of a processor without a minimum TCB version in the join policy',
  FailedInvalidTcbVersion: 'Quote TCB version is lower than the join policy allows',
};

/** The claims as CCF's tables look at them; undefined for a platform that CCF has no tables for. */
export function platformClaims(claims: Claims): PlatformClaims | undefined {
  const { measurement, configuration } = claims;
  const hostData = configuration === null ? {} : { hostData: configuration };
  if (claims.platform === 'virtual') return { platform: 'virtual', measurement, ...hostData };
  if (claims.platform !== 'snp') return undefined;
  return { platform: 'snp', measurement, ...hostData, ...uvmOf(claims), ...processorOf(claims) };
}

function uvmOf({ signer, firmware }: Claims): { readonly uvm?: UvmEndorsement } {
  const { uvmFeed, uvmSvn } = firmware;
  if (signer === null || uvmFeed === undefined) return {};
  return { uvm: { did: signer, feed: String(uvmFeed), svn: String(uvmSvn) } };
}

function processorOf({ hardware, firmware }: Claims): { readonly cpuid: string; readonly tcb: TcbVersion } {
  const part = (name: string) => (firmware[name] === undefined ? undefined : Number(firmware[name]));
  const tcb = {
    boot_loader: part('bootLoader') ?? 0,
    tee: part('tee') ?? 0,
    snp: part('snp') ?? 0,
    microcode: part('microcode') ?? 0,
  };
  const fmc = part('fmc');
  const cpuid = typeof hardware.cpuid === 'string' ? hardware.cpuid : '';
  return { cpuid, tcb: fmc === undefined ? tcb : { ...tcb, fmc } };
}

/**
 * Compares verified claims with the join policy the members voted in CCF's tables: which code, which host
 * data, which firmware. That the evidence is authentic and binds the joiner's key is established before.
 */
export function checkJoinPolicy(state: ReadableMapState, claims: PlatformClaims): JoinVerdict {
  const refusal =
    hostDataRefusal(state, claims) ?? measurementRefusal(state, claims) ?? tcbRefusal(state, claims);
  return refusal === undefined
    ? { kind: 'allowed' }
    : { kind: 'refused', refusal, message: refusals[refusal] };
}

function hostDataRefusal(state: ReadableMapState, claims: PlatformClaims): JoinRefusal | undefined {
  if (claims.hostData === undefined) return 'FailedHostDataDigestNotFound';
  const table = claims.platform === 'virtual' ? virtualHostData : snpHostData;
  return table.has(state, claims.hostData) ? undefined : 'FailedInvalidHostData';
}

function measurementRefusal(state: ReadableMapState, claims: PlatformClaims): JoinRefusal | undefined {
  if (claims.platform === 'virtual') {
    return virtualMeasurements.has(state, claims.measurement) ? undefined : 'FailedMeasurementNotFound';
  }
  if (claims.uvm !== undefined) {
    return isUvmEndorsed(state, claims.uvm) ? undefined : 'FailedUVMEndorsementsNotFound';
  }
  return snpMeasurements.has(state, claims.measurement) ? undefined : 'FailedMeasurementNotFound';
}

function isUvmEndorsed(state: ReadableMapState, uvm: UvmEndorsement): boolean {
  const feeds = snpUvmEndorsements.get(state, uvm.did);
  const least = feeds !== undefined && Object.hasOwn(feeds, uvm.feed) ? feeds[uvm.feed] : undefined;
  return least !== undefined && svn(uvm.svn) >= svn(least.svn);
}

/** A security version as a number; anything else is lower than every version. */
function svn(text: string): number {
  return /^\d{1,15}$/.test(String(text)) ? Number(text) : -1;
}

function tcbRefusal(state: ReadableMapState, claims: PlatformClaims): JoinRefusal | undefined {
  if (claims.platform === 'virtual') return undefined;
  const minimum = snpTcbVersions.get(state, claims.cpuid);
  if (minimum === undefined) return 'FailedInvalidCPUID';
  const parts = ['boot_loader', 'tee', 'snp', 'microcode', 'fmc'] as const;
  const recent = parts.every((part) => (claims.tcb[part] ?? 0) >= (minimum[part] ?? 0));
  return recent ? undefined : 'FailedInvalidTcbVersion';
}

/** Lists a platform in CCF's tables. `policy` is the text behind SNP host data. */
export function listPlatform(tx: Tx, claims: PlatformClaims, policy = ''): void {
  const { hostData } = claims;
  if (claims.platform === 'virtual') {
    if (hostData !== undefined) virtualHostData.add(tx, hostData);
    virtualMeasurements.set(tx, claims.measurement, 'AllowedToJoin');
    return;
  }
  if (hostData !== undefined) snpHostData.set(tx, hostData, policy);
  snpTcbVersions.set(tx, claims.cpuid, claims.tcb);
  if (claims.uvm === undefined) {
    snpMeasurements.set(tx, claims.measurement, 'AllowedToJoin');
    return;
  }
  const { did, feed, svn } = claims.uvm;
  snpUvmEndorsements.set(tx, did, { ...snpUvmEndorsements.get(tx, did), [feed]: { svn } });
}

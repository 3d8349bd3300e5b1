import { constantTimeEqual } from '@coco/crypto';
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

/** What verified evidence says about the code and the platform of a node. Verification comes before. */
export type PlatformClaims =
  | {
      readonly platform: 'virtual';
      readonly measurement: string;
      /** Hex; absent when the evidence has none. */
      readonly hostData?: string;
      readonly reportData: Uint8Array;
    }
  | {
      readonly platform: 'snp';
      /** Hex launch measurement. */
      readonly measurement: string;
      readonly hostData?: string;
      readonly reportData: Uint8Array;
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
  | 'FailedInvalidTcbVersion'
  | 'FailedInvalidQuotedPublicKey';

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
  FailedInvalidQuotedPublicKey: "Quote report data does not contain node's public key hash",
};

/**
 * Compares verified claims with the join policy the members voted. `publicKeyDigest` is the SHA-256 of
 * the DER of the key the joiner presented: the platform must vouch for that very key.
 */
export function checkJoinPolicy(
  state: ReadableMapState,
  claims: PlatformClaims,
  publicKeyDigest: Uint8Array,
): JoinVerdict {
  const refusal =
    hostDataRefusal(state, claims) ??
    measurementRefusal(state, claims) ??
    tcbRefusal(state, claims) ??
    (vouchesFor(claims.reportData, publicKeyDigest) ? undefined : 'FailedInvalidQuotedPublicKey');
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

/** Report data is the digest, alone or followed by zeros. */
function vouchesFor(reportData: Uint8Array, digest: Uint8Array): boolean {
  const head = reportData.subarray(0, digest.length);
  return constantTimeEqual(head, digest) && reportData.subarray(digest.length).every((byte) => byte === 0);
}

/** What the first node of a service trusts: a platform like its own. `policy` is the text behind SNP host data. */
export function trustPlatform(tx: Tx, claims: PlatformClaims, policy = ''): void {
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

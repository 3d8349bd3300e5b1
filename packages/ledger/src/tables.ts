import type { ByteString, ReadableMapState, WriteSet } from '@coco/kv';

/** Public maps whose content this room writes or an auditor must understand. Names are CCF's. */
export const tables = {
  signatures: 'public:ccf.internal.signatures',
  coseSignatures: 'public:ccf.internal.cose_signatures',
  tree: 'public:ccf.internal.tree',
  snapshotEvidence: 'public:ccf.internal.snapshot_evidence',
  nodesInfo: 'public:ccf.gov.nodes.info',
  nodesEndorsedCertificates: 'public:ccf.gov.nodes.endorsed_certificates',
  serviceInfo: 'public:ccf.gov.service.info',
} as const;

/** Key of a map that holds one value: eight zero bytes. */
export const singletonKey: ByteString = '\0'.repeat(8);

/** The written value of a one-value map, if this write set has one. */
export function singletonIn(writeSet: WriteSet, map: string): ByteString | undefined {
  return writeSet.get(map)?.get(singletonKey) ?? undefined;
}

/** The current value of a one-value map. */
export function singletonOf(state: Pick<ReadableMapState, 'get'>, map: string): ByteString | undefined {
  return state.get(map, singletonKey);
}

/** Public maps are written in clear; every other name is encrypted. */
export function isPublic(map: string): boolean {
  return map.startsWith('public:');
}

import { json, raw } from './codec.ts';
import { serviceValue } from './table.ts';

/** Value of `signatures`: a node's word for the whole history up to it. */
export interface PrimarySignature {
  readonly sig: string;
  readonly node: string;
  readonly hashed_nonce?: string;
  readonly seqno: number;
  readonly view: number;
  readonly commit_seqno: number;
  readonly commit_view: number;
  /** Hex root of the history. */
  readonly root: string;
  readonly cert?: string;
}

/** Value of `snapshot_evidence`. */
export interface SnapshotEvidence {
  readonly hash: string;
  readonly version: number;
}

/** Latest signature; the node writes it. */
export const signatures = serviceValue('public:ccf.internal.signatures', json<PrimarySignature>());
/** Latest signature as COSE, base64. */
export const coseSignatures = serviceValue('public:ccf.internal.cose_signatures', json<string>());
/** Merkle tree at the latest signature. */
export const serialisedTree = serviceValue('public:ccf.internal.tree', raw);
/** Digest of the latest snapshot. */
export const snapshotEvidence = serviceValue(
  'public:ccf.internal.snapshot_evidence',
  json<SnapshotEvidence>(),
);
/** What clocks showed to the latest transaction whose code looked at one: ms since 1970. */
export const transactionTime = serviceValue('ccf.internal.time', json<number>());
/** What the latest transaction of the application read: see `encodeReadSet`. Encrypted, like all it is about. */
export const recordedReads = serviceValue('ccf.internal.reads', raw);

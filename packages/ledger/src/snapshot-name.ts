import { LedgerError } from './errors.ts';

/** What the name of a snapshot file says. */
export interface SnapshotName {
  readonly seqno: number;
  /** Seqno of the transaction that recorded the snapshot's digest. */
  readonly evidenceSeqno: number;
  /** The evidence is committed, and the file ends with its receipt. */
  readonly committed: boolean;
}

const pattern = /^snapshot_([1-9][0-9]{0,15})_([1-9][0-9]{0,15})(\.committed)?$/;

/** `snapshot_100_105.committed` and its kin. Throws `InvalidArgument` for what no snapshot can be. */
export function snapshotName(name: SnapshotName): string {
  const text = `snapshot_${name.seqno}_${name.evidenceSeqno}${name.committed ? '.committed' : ''}`;
  if (parseSnapshotName(text) === undefined)
    throw new LedgerError('InvalidArgument', `${text} names no snapshot`);
  return text;
}

/** What a file name says, or undefined when it is not a snapshot's. */
export function parseSnapshotName(text: string): SnapshotName | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const seqno = Number(match[1]);
  const evidenceSeqno = Number(match[2]);
  // The evidence is written after the state it is about.
  if (!Number.isSafeInteger(evidenceSeqno) || evidenceSeqno <= seqno) return undefined;
  return { seqno, evidenceSeqno, committed: match[3] !== undefined };
}

import { decodeEntry, type TxId, tables } from '@coco/ledger';
import { type ChunkFile, listChunks, readEntries } from './folder.ts';

/** How far the ledger in a folder reaches, by its own account: nothing is verified. */
export interface Reach {
  readonly folder: string;
  /** What a recovery goes on after; null when nothing is signed. */
  readonly lastSigned: TxId | null;
  /** The last entry, signed or not; 0 when there is none. */
  readonly lastEntry: number;
}

/** Looks at the newest chunks of a ledger folder. */
export function reachOf(folder: string): Reach {
  let lastEntry = 0;
  for (const chunk of listChunks(folder).toReversed()) {
    const found = lastIn(chunk);
    lastEntry ||= found.lastEntry;
    if (found.lastSigned !== null) return { folder, lastSigned: found.lastSigned, lastEntry };
  }
  return { folder, lastSigned: null, lastEntry };
}

function lastIn(chunk: ChunkFile): { lastSigned: TxId | null; lastEntry: number } {
  let [lastSigned, lastEntry]: [TxId | null, number] = [null, 0];
  for (const item of readEntries([chunk])) {
    if (item.kind !== 'entry') break;
    lastEntry = item.seqno;
    const { seqno, view, writeSet } = decodeEntry(item.bytes);
    if (writeSet.has(tables.signatures)) lastSigned = { view, seqno };
  }
  return { lastSigned, lastEntry };
}

/**
 * The ledgers by how far they reach, the best one to recover from first. What was signed in a later view has won
 * over whatever an earlier view left unfinished, however long that is.
 */
export function byReach(reaches: readonly Reach[]): readonly Reach[] {
  const rank = ({ lastSigned }: Reach) => lastSigned ?? { view: 0, seqno: 0 };
  return reaches.toSorted(
    (a, b) => rank(b).view - rank(a).view || rank(b).seqno - rank(a).seqno || b.lastEntry - a.lastEntry,
  );
}

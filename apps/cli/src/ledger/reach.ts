import { decodeEntry, type TxId, tables } from '@coco/ledger';
import { type ChunkFile, listChunks, readEntries } from './folder.ts';

/** How far the ledger in a folder reaches, by its own account: nothing is verified. */
export interface Reach {
  readonly folder: string;
  /** What a recovery goes on after; null when nothing is signed. */
  readonly lastSigned: TxId | null;
  /** The last entry, signed or not; 0 when there is none. */
  readonly lastEntry: number;
  /** The entries nearest to the end that no file has: the node joined after them, or was gone meanwhile. */
  readonly missing: Missing | null;
}

/** Entries that are not there, both ends included. */
export interface Missing {
  readonly from: number;
  readonly to: number;
}

/** Looks at the newest chunks of a ledger folder. */
export function reachOf(folder: string): Reach {
  const chunks = listChunks(folder);
  const missing = missingIn(chunks);
  let lastEntry = 0;
  for (const chunk of chunks.toReversed()) {
    const found = lastIn(chunk);
    lastEntry ||= found.lastEntry;
    if (found.lastSigned !== null) return { folder, lastSigned: found.lastSigned, lastEntry, missing };
  }
  return { folder, lastSigned: null, lastEntry, missing };
}

/** By the names of the files alone. */
function missingIn(chunks: readonly ChunkFile[]): Missing | null {
  for (const [index, { name }] of [...chunks.entries()].toReversed()) {
    const before = index === 0 ? 0 : (chunks[index - 1]?.name.end ?? name.start - 1);
    if (before + 1 < name.start) return { from: before + 1, to: name.start - 1 };
  }
  return null;
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

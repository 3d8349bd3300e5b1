import { mkdirSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChunkName, chunkHeaderBytes, chunkName, parseChunkName } from '@coco/ledger';
import { HostError, messageOf } from '../errors.ts';
import {
  type CompleteChunk,
  checkCompleteChunk,
  damaged,
  inspectOpenChunk,
  type OpenChunk,
} from './chunk-file.ts';
import { syncDirectory, syncFile } from './durable.ts';

/** What lies in the ledger directories, in order. */
export interface ChunkIndex {
  /** Complete chunks that are written after, oldest first. */
  readonly complete: CompleteChunk[];
  /** Chunks of read-only directories that hold what `complete` does not, or hold it as well; oldest first. */
  readonly lent: CompleteChunk[];
  /** The chunk that entries were last written to, when it is still open. */
  readonly open: OpenChunk | null;
  /** What was put right, for the log. */
  readonly repairs: readonly string[];
}

interface Found {
  readonly name: ChunkName;
  readonly path: string;
  readonly writable: boolean;
}

/** Where to look, and what may be missing there. */
export interface LedgerPlaces {
  readonly directory: string;
  readonly readOnlyDirectories: readonly string[];
  /** Whether entries may be missing between chunks: whoever joins begins after a snapshot, whatever there is. */
  readonly mayHaveGaps: boolean;
}

/**
 * Looks through the ledger directories at start. A write that was cut short at the very end of the ledger is
 * cut off; everything else that does not fit is refused.
 * @throws HostError `Ledger`, `File`
 */
export function indexChunks({ directory, readOnlyDirectories, mayHaveGaps }: LedgerPlaces): ChunkIndex {
  const repairs: string[] = [];
  const found = [
    ...listChunks(directory, true),
    ...readOnlyDirectories.flatMap((other) => listChunks(other, false).filter(({ name }) => name.committed)),
  ];
  const chunks: CompleteChunk[] = [];
  let open: OpenChunk | null = null;
  for (const { name, path, writable } of found) {
    if (name.end !== undefined) {
      const committed = name.committed ?? false;
      chunks.push({ path, start: name.start, end: name.end, committed, writable });
      continue;
    }
    const chunk = inspectOpenChunk(path, name);
    if (chunk.complete) chunks.push(finishName(directory, chunk, repairs));
    else if (open) throw new HostError('Ledger', `${open.path} and ${path} are both open: only one can be`);
    else open = chunk;
  }
  const ordered = withoutDuplicates(chunks);
  for (const chunk of ordered) checkCompleteChunk(chunk);
  if (open) open = cutExcess(open, repairs);
  refuseMisfits(ordered, open, mayHaveGaps);
  return { ...apart(ordered, open), open, repairs };
}

/** The ledger goes on after the chunks of its own directory, and after lent ones that come behind them. */
function apart(ordered: readonly CompleteChunk[], open: OpenChunk | null) {
  const complete = ordered.filter(({ writable }) => writable);
  const lent: CompleteChunk[] = [];
  let reach = open ? Number.POSITIVE_INFINITY : (complete.at(-1)?.end ?? 0);
  for (const chunk of ordered.filter(({ writable }) => !writable)) {
    (chunk.start > reach ? complete : lent).push(chunk);
    reach = Math.max(reach, chunk.start > reach ? chunk.end : 0);
  }
  return { complete, lent };
}

/**
 * The committed chunk of read-only directories that holds an entry, wherever files were put since the start.
 * @throws what the system says of a directory that cannot be read
 */
export async function findCommitted(
  directories: readonly string[],
  seqno: number,
): Promise<CompleteChunk | undefined> {
  for (const directory of directories) {
    for (const text of await readdir(directory)) {
      const name = parseChunkName(text);
      if (!name?.committed || name.ignored || name.end === undefined) continue;
      const { start, end } = name;
      if (start <= seqno && seqno <= end)
        return { path: join(directory, text), start, end, committed: true, writable: false };
    }
  }
  return undefined;
}

/** Whether a directory holds a ledger already. */
export function holdsLedger(directory: string): boolean {
  return listChunks(directory, true).length > 0;
}

function listChunks(directory: string, writable: boolean): Found[] {
  let names: string[];
  try {
    if (writable) mkdirSync(directory, { recursive: true });
    names = readdirSync(directory);
  } catch (error) {
    throw new HostError('File', `ledger directory ${directory}: ${messageOf(error)}`, { cause: error });
  }
  return names.flatMap((text) => {
    const name = parseChunkName(text);
    return name === undefined || name.ignored ? [] : [{ name, path: join(directory, text), writable }];
  });
}

/** The daemon ended between completing the file and naming it so. */
function finishName(directory: string, chunk: OpenChunk, repairs: string[]): CompleteChunk {
  const end = chunk.start + chunk.positions.length - 1;
  const path = join(directory, chunkName({ start: chunk.start, end }));
  renameSync(chunk.path, path);
  syncDirectory(directory);
  repairs.push(`${chunk.path} is complete: renamed to ${path}`);
  return { path, start: chunk.start, end, committed: false, writable: true };
}

/** The daemon ended while writing: what was not written to its end was never acknowledged. */
function cutExcess(chunk: OpenChunk, repairs: string[]): OpenChunk | null {
  if (chunk.size < chunkHeaderBytes) {
    rmSync(chunk.path);
    repairs.push(`${chunk.path} holds no entry: removed`);
    return null;
  }
  if (chunk.excess > 0) {
    truncateSync(chunk.path, chunk.size);
    syncFile(chunk.path);
    repairs.push(`${chunk.path}: cut off ${chunk.excess} bytes of an unfinished write at ${chunk.size}`);
  }
  return { ...chunk, excess: 0 };
}

/**
 * The same chunk may lie in several directories: the main one counts, and a committed name before another.
 */
function withoutDuplicates(chunks: readonly CompleteChunk[]): CompleteChunk[] {
  const rank = (chunk: CompleteChunk) => (chunk.committed ? 0 : 2) + (chunk.writable ? 0 : 1);
  const ordered = [...chunks].sort((a, b) => a.start - b.start || rank(a) - rank(b));
  return ordered.filter(
    (chunk, i) => chunk.start !== ordered[i - 1]?.start || chunk.end !== ordered[i - 1]?.end,
  );
}

/**
 * Chunks of the ledger's own directory follow one another. Those of read-only directories may hold what another holds
 * as well: both are committed, and the own ones count.
 */
function refuseMisfits(
  complete: readonly CompleteChunk[],
  open: OpenChunk | null,
  mayHaveGaps: boolean,
): void {
  const all: Placed[] = open ? [...complete, { ...open, end: open.start, writable: true }] : [...complete];
  let [own, last]: (Placed | undefined)[] = [];
  for (const chunk of all) {
    if (own && chunk.writable && chunk.start <= own.end) throw misfit(own, chunk, 'chunks overlap');
    if (last && chunk.start > last.end + 1 && !mayHaveGaps) throw gap(last, chunk);
    if (chunk.writable) own = chunk;
    if (!last || chunk.end >= last.end) last = chunk;
  }
  if (open && statSync(open.path).size < open.size) throw damaged(open.path, open.size, 'the file shrank');
}

type Placed = Pick<CompleteChunk, 'path' | 'start' | 'end' | 'writable'>;

function gap(before: Placed, after: Placed): HostError {
  const missing = `entries ${before.end + 1} to ${after.start - 1} are missing`;
  const advice = `restore them, or move what is before ${after.start} away if a snapshot of ${after.start - 1} or later is there`;
  return misfit(before, after, `${missing}; ${advice}`);
}

function misfit(before: Placed, after: Placed, what: string): HostError {
  return new HostError(
    'Ledger',
    `${before.path} ends at ${before.end}, but ${after.path} begins at ${after.start}: ${what}`,
  );
}

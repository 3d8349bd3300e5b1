import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ChunkName, LedgerError, parseChunkName, readChunk } from '@coco/ledger';
import { CliError } from '../errors.ts';

/** One chunk file of a ledger folder. */
export interface ChunkFile {
  readonly file: string;
  readonly path: string;
  readonly name: ChunkName;
}

/** An entry with where it lies. */
export interface LocatedEntry {
  readonly kind: 'entry';
  readonly file: string;
  readonly offset: number;
  readonly seqno: number;
  readonly bytes: Uint8Array;
}

/** What ends the reading before its time. `torn`: the last write of the newest chunk was cut short. */
export interface Broken {
  readonly kind: 'torn' | 'corrupt' | 'gap';
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
}

/** The chunks of a folder in order. Of two that begin alike the one that is more settled counts. */
export function listChunks(folder: string): readonly ChunkFile[] {
  const byStart = new Map<number, ChunkFile>();
  for (const file of filesIn(folder)) {
    const name = parseChunkName(file);
    if (name === undefined || name.ignored === true) continue;
    const rival = byStart.get(name.start);
    if (rival === undefined || settledness(name) > settledness(rival.name))
      byStart.set(name.start, { file, path: join(folder, file), name });
  }
  return [...byStart.values()].sort((a, b) => a.name.start - b.name.start);
}

/** How often a chunk is looked for again: it is renamed when it is complete, and when it is committed. */
const looksMax = 3;

/**
 * What is found of a chunk under the name that it has by now: a node may be at work on the folder since it was
 * listed, and renames what it has completed, and what is committed.
 * @throws CliError `Failed` if no file holds it any more
 */
export function lookAt<T>(listed: ChunkFile, look: (path: string) => T): { chunk: ChunkFile; found: T } {
  let chunk: ChunkFile | undefined = listed;
  for (let looks = 0; looks < looksMax && chunk !== undefined; looks++) {
    try {
      return { chunk, found: look(chunk.path) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    chunk = listChunks(dirname(listed.path)).find(({ name }) => name.start === listed.name.start);
  }
  throw new CliError('Failed', `${listed.path} was there when the folder was listed, and is gone`);
}

/**
 * Reads the entries of chunks in order, and last what is wrong if anything is. A torn end is allowed in the
 * newest chunk only. Chunks are held in memory one at a time.
 */
export function* readEntries(chunks: readonly ChunkFile[]): Generator<LocatedEntry | Broken, void> {
  let next = chunks[0]?.name.start ?? 1;
  for (const [index, listed] of chunks.entries()) {
    const { chunk, found } = lookAt(listed, (path) => readFileSync(path));
    const { file, name } = chunk;
    if (name.start !== next) {
      const reason = `begins at ${name.start}, but ${next} comes next`;
      yield { kind: 'gap', file, offset: 0, reason };
      return;
    }
    try {
      for (const item of readChunk(new Uint8Array(found), name)) {
        if (item.kind === 'torn') {
          const newest = index === chunks.length - 1;
          const reason = newest
            ? 'the last write was cut short'
            : 'a write was cut short, and more chunks follow';
          yield { kind: newest ? 'torn' : 'corrupt', file, offset: item.offset, reason };
          return;
        }
        yield { ...item, file };
        next = item.seqno + 1;
      }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      yield { kind: 'corrupt', file, offset: error.offset ?? 0, reason: error.message };
      return;
    }
  }
}

/** Committed is more than complete is more than open. */
function settledness(name: ChunkName): number {
  if (name.committed === true) return 2;
  return name.end === undefined ? 0 : 1;
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new CliError('Failed', `${folder} cannot be read as a folder`, { cause });
  }
}

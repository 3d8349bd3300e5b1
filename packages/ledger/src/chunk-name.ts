import { LedgerError } from './errors.ts';

/** What the name of a chunk file says. A chunk without `end` is open. */
export interface ChunkName {
  readonly start: number;
  readonly end?: number | undefined;
  /** All of it is committed; it never changes again. Only complete chunks can be. */
  readonly committed?: boolean;
  /** Written while recovering. */
  readonly recovery?: boolean;
  /** Set aside after truncation; to be left out. */
  readonly ignored?: boolean;
}

const pattern = /^ledger_([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?(\.committed)?(\.recovery)?(\.ignored)?$/;

/** `ledger_1-10.committed` and its kin. Throws `InvalidArgument` for what no chunk can be. */
export function chunkName(name: ChunkName): string {
  const { start, end, committed, recovery, ignored } = name;
  const range = end === undefined ? `${start}` : `${start}-${end}`;
  const suffixes = [committed && '.committed', recovery && '.recovery', ignored && '.ignored'];
  const text = `ledger_${range}${suffixes.filter(Boolean).join('')}`;
  if (parseChunkName(text) === undefined) throw new LedgerError('InvalidArgument', `${text} names no chunk`);
  return text;
}

/** What a file name says, or undefined when it is not a chunk's: other files may lie in the folder. */
export function parseChunkName(text: string): ChunkName | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = match[2] === undefined ? undefined : Number(match[2]);
  const committed = match[3] !== undefined;
  const last = end ?? start;
  if (!Number.isSafeInteger(last) || last < start || (committed && end === undefined)) return undefined;
  return { start, end, committed, recovery: match[4] !== undefined, ignored: match[5] !== undefined };
}

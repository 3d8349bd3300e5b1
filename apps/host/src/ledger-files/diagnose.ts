import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  Auditor,
  type AuditProblem,
  type AuditReport,
  LedgerError,
  type LoadedSnapshot,
  loadSnapshot,
  parseChunkName,
  readChunk,
} from '@coco/ledger';
import type { CommittedSnapshot } from './snapshot-files.ts';

/** Problems told; those that follow are mostly echoes of the first. */
const problemsMax = 3;

/** The files of a node that could not begin with them. */
export interface SuspectFiles {
  /** Ledger chunks, oldest first. */
  readonly chunks: readonly string[];
  /** Newest first. */
  readonly snapshots: readonly CommittedSnapshot[];
  /** Certificate of the service they should be of. */
  readonly serviceCertificatePem: string;
}

/**
 * Where files that a node could not begin with are damaged, or do not fit together: a line for each place, with file
 * and offset. Reads everything again, so it is for the end of a start that failed. Empty when the files by
 * themselves are sound.
 */
export function diagnose({ chunks, serviceCertificatePem, snapshots }: SuspectFiles): string[] {
  const found: string[] = [];
  const first = chunks[0] === undefined ? 1 : startOf(chunks[0]);
  let after: LoadedSnapshot | undefined;
  for (const { path, seqno } of snapshots) {
    try {
      const loaded = loadSnapshot(readFileSync(path), serviceCertificatePem);
      if (first > 1 && seqno >= first - 1) after ??= loaded;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      found.push(`${path}: ${error.message}`);
    }
  }
  if (first > 1 && after === undefined) {
    const wanted = `no sound snapshot of ${first - 1} or later stands for what is before`;
    return [...found, `${chunks[0]}: the ledger begins at ${first}, and ${wanted}`];
  }
  return [...found, ...audit(chunks, after)];
}

function startOf(path: string): number {
  return parseChunkName(basename(path))!.start;
}

function audit(chunks: readonly string[], after: LoadedSnapshot | undefined): string[] {
  const auditor = new Auditor(after && { after });
  const begins = (after?.txId.seqno ?? 0) + 1;
  let report = auditor.finish();
  for (const path of chunks) {
    const name = parseChunkName(basename(path))!;
    try {
      for (const found of readChunk(readFileSync(path), name)) {
        if (found.kind === 'torn' || found.seqno < begins) continue;
        auditor.feed(found.bytes, { file: path, offset: found.offset });
      }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return [...describe(report), `${path}: offset ${error.offset ?? 0}: ${error.message}`];
    }
    report = auditor.finish();
    if (report.problems.length > 0) break;
  }
  return describe(report);
}

function describe({ problems, lastSigned }: AuditReport): string[] {
  const sound = lastSigned
    ? `entries up to ${lastSigned.seqno} are sound`
    : 'no signature before it is sound';
  return problems.slice(0, problemsMax).map((problem) => `${place(problem)}: ${problem.message}; ${sound}`);
}

function place({ location, seqno }: AuditProblem): string {
  return `${location.file}: offset ${location.offset}: entry ${seqno}`;
}

/**
 * What is missing when a snapshot is newer than the ledger it is to go on with: whoever keeps the files has handed out
 * old ones, or lost some. Null when nothing shows it.
 */
export function staleness(lastEntry: number, snapshots: readonly CommittedSnapshot[]): string | null {
  const [newest] = snapshots;
  if (newest === undefined || newest.evidenceSeqno <= lastEntry) return null;
  const missing = `entries up to ${newest.evidenceSeqno} were committed once`;
  return `the ledger ends at ${lastEntry}, but ${newest.path} shows that ${missing}: restore the missing chunks`;
}

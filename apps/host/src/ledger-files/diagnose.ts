import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  Auditor,
  type AuditProblem,
  type AuditReport,
  LedgerError,
  parseChunkName,
  readChunk,
} from '@coco/ledger';

/** Problems told; those that follow are mostly echoes of the first. */
const problemsMax = 3;

/**
 * Where a ledger that could not be recovered is damaged: a line for each place, with file and offset.
 * Reads everything again, so it is for the end of a start that failed. Empty when the files by themselves
 * are sound.
 */
export function diagnose(paths: readonly string[]): string[] {
  const auditor = new Auditor();
  let report = auditor.finish();
  for (const path of paths) {
    const name = parseChunkName(basename(path))!;
    try {
      for (const found of readChunk(readFileSync(path), name)) {
        if (found.kind === 'entry') auditor.feed(found.bytes, { file: path, offset: found.offset });
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

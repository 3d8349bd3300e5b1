import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';

/** Where a run of tests that is to be counted finds the folder for what was counted. */
export const coverageVariable = 'COCO_CONTRACT_COVERAGE';

/**
 * Counts from here on what runs of contracts in this process, and writes it to the folder when the process ends: one
 * file a process, read by `coverageOf` of contract-build.
 */
export function countInto(folder: string): void {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  // Calls into an in-process session are answered before they return.
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  session.post('Debugger.enable');
  process.once('exit', () => {
    session.post('Profiler.takePreciseCoverage', (error, coverage) => {
      if (error) return;
      const scripts = coverage.result
        .map(({ scriptId, functions }) => ({ text: textOf(session, scriptId), functions }))
        .filter(({ text }) => isContract(text));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(scripts));
    });
  });
}

function textOf(session: Session, scriptId: string): string {
  let text = '';
  session.post('Debugger.getScriptSource', { scriptId }, (error, source) => {
    if (!error) text = source.scriptSource;
  });
  return text;
}

/** A module as the engine links it, with the source map by which it is told. */
function isContract(text: string): boolean {
  return text.startsWith('(function') && text.includes('\n//# sourceMappingURL=data:application/json');
}

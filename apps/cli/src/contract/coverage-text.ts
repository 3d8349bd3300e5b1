import type { FileCoverage } from '@coco/contract-build';
import { columns } from '../text.ts';

/** Which lines ran, a row for each file. */
export function coverageText(files: readonly FileCoverage[]): string {
  if (files.length === 0) return 'nothing of the contract ran';
  const rows = files.map(({ file, lines, missed, partly }) => [
    `${Math.round((100 * (lines - missed.length)) / lines)}%`.padStart(4),
    file,
    missed.length === 0 ? '' : `missed ${spans(missed)}`,
    partly.length === 0 ? '' : `partly ${spans(partly)}`,
  ]);
  return columns([['lines', 'file', '', ''], ...rows]);
}

/** `3-5, 9`. */
function spans(lines: readonly number[]): string {
  const found: [first: number, last: number][] = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last?.[1] === line - 1) last[1] = line;
    else found.push([line, line]);
  }
  return found.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}

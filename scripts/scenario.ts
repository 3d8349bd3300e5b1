import { readFileSync, writeFileSync } from 'node:fs';
import { runCcfScenario } from '../tests/scenarios/ccf-language.ts';
import { rehearse } from '../tests/scenarios/language.ts';

const USAGE = `usage: scenario [--rewrite] FILE...
Files named *.txt are in this project's language, with their expected transcripts (--rewrite writes them
anew, for the difference to be reviewed); all others are in CCF's raft scenario language.`;

interface Failure {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

function runFile(file: string, rewrite: boolean): Failure | null {
  const source = read(file);
  if (source === null)
    return { line: 0, text: 'open', reason: 'there is no such file, or it cannot be read' };
  if (!file.endsWith('.txt')) {
    const { transcript, failure } = runCcfScenario(source);
    for (const line of transcript) console.log(line);
    return failure;
  }
  const { rewritten, failure } = rehearse(source);
  if (!rewrite) return failure;
  if (rewritten !== source) writeFileSync(file, rewritten);
  return null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function main(args: readonly string[]): number {
  const files = args.filter((arg) => arg !== '--rewrite');
  if (files.length === 0) {
    console.error(USAGE);
    return 2;
  }
  let failed = 0;
  for (const file of files) {
    const failure = runFile(file, args.includes('--rewrite'));
    if (failure === null) {
      console.log(`ok ${file}`);
      continue;
    }
    failed++;
    console.error(`FAILED ${file}:${failure.line}: ${failure.text}: ${failure.reason}`);
  }
  return failed === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));

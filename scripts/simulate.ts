// A whole consortium from one seed, in virtual time; with --consensus its consensus alone, which is quicker.
import { loadWithBug } from '../tests/simulation/consensus/bug-loader.ts';
import { bugs as consensusBugs } from '../tests/simulation/consensus/bugs.ts';
import { simulate as simulateConsensus } from '../tests/simulation/consensus/simulate.ts';
import { bugs, rareBugs } from '../tests/simulation/consortium/bugs.ts';
import { loadSimulation } from '../tests/simulation/consortium/load.ts';
import type { Bug } from '../tests/simulation/world/edition.ts';
import type { Report } from '../tests/simulation/world/report.ts';
import { Tally } from '../tests/simulation/world/tally.ts';

const USAGE = `usage: simulate SEED [COUNT]               runs seeds from SEED on
       simulate --minutes N [--from SEED]  explores
       simulate --trace SEED               prints all that happens
       simulate --hunt BUG [--from SEED]   finds a seed that notices a deliberate bug
       --contested with any of them: all elections
       --consensus with any of them: consensus alone`;

type Simulate = (seed: number, write?: (line: string) => void) => Report;

/** Runs seeds from `first` on while `goOn` says so, and reports. Answers the seed that failed, or null. */
function explore(first: number, goOn: (run: number) => boolean, simulate: Simulate): number | null {
  const started = performance.now();
  const [faults, reached] = [new Tally(), new Tally()];
  let [virtualMs, steps, committed, run] = [0, 0, 0, 0];
  let failed: Report | null = null;
  for (; goOn(run) && failed === null; run++) {
    const report = simulate(first + run);
    virtualMs += report.virtualMs;
    steps += report.steps;
    committed += report.committed;
    faults.merge(report.faults);
    reached.merge(report.reached);
    if (report.violation !== null) failed = report;
  }
  const minutes = (performance.now() - started) / 60_000;
  console.log(`seeds ${first} to ${first + run - 1}: ${steps} steps, ${committed} transactions committed`);
  console.log(`faults injected: ${faults.total} (${faults})`);
  console.log(`states reached: ${reached}`);
  console.log(`virtual hours per minute: ${(virtualMs / 3_600_000 / minutes).toFixed(2)}`);
  if (failed === null) return null;
  console.log(`parameters: ${JSON.stringify(failed.parameters)}`);
  console.log(`FAILED seed ${failed.seed}: ${failed.violation}`);
  return failed.seed;
}

function bugNamed(list: readonly Bug[], name: string | undefined): Bug {
  const bug = list.find((one) => one.name === name);
  if (bug !== undefined) return bug;
  throw new UsageError(`there is no bug ${name}; there are ${list.map((one) => one.name).join(', ')}`);
}

class UsageError extends Error {}

async function load(args: readonly string[], bug: string | undefined): Promise<Simulate> {
  if (!args.includes('--consensus')) {
    const edited = bug === undefined ? undefined : bugNamed([...bugs, ...rareBugs], bug);
    const simulate = await loadSimulation(edited);
    return (seed, write) => simulate(seed, write, args.includes('--contested'));
  }
  if (bug === undefined) return (seed) => simulateConsensus(seed);
  const makeRaft = await loadWithBug(bugNamed(consensusBugs, bug));
  return (seed) => simulateConsensus(seed, makeRaft);
}

/** The value behind an option, when the option is there. */
function option(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

function wholeNumber(text: string | undefined): number {
  const number = Number(text);
  if (text === undefined || !Number.isSafeInteger(number)) throw new UsageError(USAGE);
  return number;
}

async function main(args: readonly string[]): Promise<number> {
  const kinds: readonly string[] = args.filter((arg) => ['--consensus', '--contested'].includes(arg));
  const rest = args.filter((arg) => !kinds.includes(arg));
  const from = option(rest, '--from');
  const simulate = await load(kinds, option(rest, '--hunt'));
  const traced = option(rest, '--trace');
  if (traced !== undefined) {
    const { violation } = simulate(wholeNumber(traced), console.log);
    console.log(violation === null ? 'every promise was kept' : `FAILED: ${violation}`);
    return violation === null ? 0 : 1;
  }
  const minutes = option(rest, '--minutes');
  if (rest.includes('--hunt')) {
    explore(from === undefined ? 1 : wholeNumber(from), () => true, simulate);
    return 0;
  }
  let failed: number | null;
  if (minutes !== undefined) {
    const end = performance.now() + Number(minutes) * 60_000;
    const first = from === undefined ? Date.now() % 1_000_000_000 : wholeNumber(from);
    failed = explore(first, () => performance.now() < end, simulate);
  } else {
    const count = rest[1] === undefined ? 1 : wholeNumber(rest[1]);
    failed = explore(wholeNumber(rest[0]), (run) => run < count, simulate);
  }
  if (failed !== null) {
    const same = [...kinds, failed].join(' ');
    console.log(`replay with: npm run simulate -- ${same}; the whole story: --trace`);
  }
  return failed === null ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

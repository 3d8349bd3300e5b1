import { loadWithBug } from '../tests/simulation/consensus/bug-loader.ts';
import { bugs } from '../tests/simulation/consensus/bugs.ts';
import type { MakeRaft } from '../tests/simulation/consensus/consortium.ts';
import { productRaft, type Report, simulate } from '../tests/simulation/consensus/simulate.ts';
import { Tally } from '../tests/simulation/consensus/tally.ts';

const USAGE = `usage: simulate SEED [COUNT]                runs seeds from SEED on
       simulate --minutes N [--from SEED]   explores
       simulate --hunt BUG [--from SEED]    finds a seed that notices a deliberate bug`;

/** Runs seeds from `first` on while `goOn` says so, and reports. Answers the seed that failed, or null. */
function explore(first: number, goOn: (run: number) => boolean, makeRaft: MakeRaft): number | null {
  const started = performance.now();
  const [faults, reached] = [new Tally(), new Tally()];
  let [virtualMs, steps, reads, run] = [0, 0, 0, 0];
  let failed: Report | null = null;
  for (; goOn(run) && failed === null; run++) {
    const report = simulate(first + run, makeRaft);
    virtualMs += report.virtualMs;
    steps += report.steps;
    reads += report.reads;
    faults.merge(report.faults);
    reached.merge(report.reached);
    if (report.violation !== null) failed = report;
  }
  const minutes = (performance.now() - started) / 60_000;
  console.log(`seeds ${first} to ${first + run - 1}: ${steps} outputs, ${reads} current reads`);
  console.log(`faults injected: ${faults.total} (${faults})`);
  console.log(`states reached: ${reached}`);
  console.log(`virtual hours per minute: ${(virtualMs / 3_600_000 / minutes).toFixed(1)}`);
  if (failed === null) return null;
  console.log(`parameters: ${JSON.stringify(failed.parameters)}`);
  console.log(`FAILED seed ${failed.seed}: ${failed.violation}`);
  return failed.seed;
}

async function hunt(name: string | undefined, from: number): Promise<number> {
  const bug = bugs.find((one) => one.name === name);
  if (bug === undefined) {
    console.error(`there is no bug ${name}; there are ${bugs.map((one) => one.name).join(', ')}`);
    return 2;
  }
  explore(from, () => true, await loadWithBug(bug));
  return 0;
}

async function main(args: readonly string[]): Promise<number> {
  const [first, second, third, fourth] = args;
  if (first === '--hunt') return hunt(second, third === '--from' ? Number(fourth) : 1);
  let failed: number | null;
  if (first === '--minutes') {
    const end = performance.now() + Number(second) * 60_000;
    const from = third === '--from' ? Number(fourth) : Date.now() % 1_000_000_000;
    failed = explore(from, () => performance.now() < end, productRaft);
  } else {
    const [seed, count] = [Number(first), Number(second ?? 1)];
    if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count)) {
      console.error(USAGE);
      return 2;
    }
    failed = explore(seed, (run) => run < count, productRaft);
  }
  if (failed !== null) console.log(`replay with: npm run simulate -- ${failed}`);
  return failed === null ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));

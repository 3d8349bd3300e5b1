import { type Report, simulate } from '../tests/simulation/consensus/simulate.ts';
import { Tally } from '../tests/simulation/consensus/tally.ts';

const USAGE = 'usage: simulate SEED [COUNT] | simulate --minutes N [--from SEED]';

/** Runs seeds from `first` on while `goOn` says so. Answers whether every promise was kept. */
function explore(first: number, goOn: (run: number) => boolean): boolean {
  const started = performance.now();
  const [faults, reached] = [new Tally(), new Tally()];
  let [virtualMs, steps, run] = [0, 0, 0];
  let report: Report | null = null;
  for (; goOn(run) && report?.violation == null; run++) {
    report = simulate(first + run);
    virtualMs += report.virtualMs;
    steps += report.steps;
    faults.merge(report.faults);
    reached.merge(report.reached);
  }
  const minutes = (performance.now() - started) / 60_000;
  console.log(`seeds ${first} to ${first + run - 1}: ${steps} outputs in ${minutes.toFixed(2)} minutes`);
  console.log(`faults injected: ${faults.total} (${faults})`);
  console.log(`states reached: ${reached}`);
  console.log(`virtual hours per minute: ${(virtualMs / 3_600_000 / minutes).toFixed(1)}`);
  if (report?.violation == null) return true;
  console.log(`FAILED seed ${report.seed}: ${report.violation}`);
  console.log(`replay with: npm run simulate -- ${report.seed}`);
  return false;
}

function main(args: readonly string[]): number {
  const [first, second] = args;
  if (first === '--minutes') {
    const end = performance.now() + Number(second) * 60_000;
    const from = args[2] === '--from' ? Number(args[3]) : Date.now() % 1_000_000_000;
    return explore(from, () => performance.now() < end) ? 0 : 1;
  }
  const seed = Number(first);
  const count = Number(second ?? 1);
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count)) {
    console.error(USAGE);
    return 2;
  }
  return explore(seed, (run) => run < count) ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));

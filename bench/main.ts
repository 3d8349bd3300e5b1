// npm run bench [-- SECONDS]: the micro-benchmarks of the budget table, then a whole service under load, then three nodes. Prints a table and
// writes the same figures as JSON to the last line.
import { type Result, table } from './result.ts';

const seconds = Number(process.argv[2] ?? 5);
const parts: readonly [string, () => Promise<Result[]>][] = [
  ['kv', async () => (await import('./kv.ts')).run()],
  ['ledger', async () => (await import('./ledger.ts')).run()],
  ['contracts', async () => (await import('./contracts.ts')).run()],
  ['access', async () => (await import('./access.ts')).run()],
  ['undo', async () => (await import('./undo.ts')).run()],
  ['service', async () => (await import('./service.ts')).run(seconds)],
  ['network', async () => (await import('./network.ts')).run(seconds)],
];

const results: Result[] = [];
for (const [name, run] of parts) {
  const part = (await run()).map((result) => ({ ...result, name: `${name}: ${result.name}` }));
  console.log(`${table(part)}\n`);
  results.push(...part);
}
console.log(JSON.stringify(results));

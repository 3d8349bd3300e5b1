import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tally } from '../world/tally.ts';
import { bugs } from './bugs.ts';
import { loadSimulation } from './load.ts';

/** Few, for each is a service with everything in it; `npm run simulate` has as many as one likes. */
const SEEDS = [7, 8, 10];
const simulate = await loadSimulation();

describe('a whole consortium under faults', () => {
  test(`keeps its promises with the seeds ${SEEDS.join(', ')}`, () => {
    const reached = new Tally();
    const faults = new Tally();
    for (const seed of SEEDS) {
      const report = simulate(seed);
      assert.equal(report.violation, null, `seed ${seed}: npm run simulate -- --trace ${seed}`);
      reached.merge(report.reached);
      faults.merge(report.faults);
    }
    const states = [
      'recovery',
      'receipt with an answer',
      'receipt fetched',
      'past read',
      'trigger_ledger_rekey',
    ];
    for (const state of states) assert.ok(reached.count(state) > 0, `never reached: ${state}`);
    assert.ok(faults.total > 10 * SEEDS.length, `only ${faults.total} faults`);
  });

  test('a seed gives the same trace to the byte, and another one does not', () => {
    const [first, again, other] = [8, 8, 6].map((seed) => simulate(seed).fingerprint);
    assert.equal(again, first);
    assert.notEqual(other, first);
  });
});

describe('the simulator notices', () => {
  for (const bug of bugs) {
    test(bug.name, async () => {
      const { violation } = (await loadSimulation(bug))(bug.seed);
      assert.ok(violation !== null, `seed ${bug.seed} no longer finds it: simulate --hunt ${bug.name}`);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tally } from '../world/tally.ts';
import { bugs } from './bugs.ts';
import { loadSimulation } from './load.ts';

/** Few, for each is a service with everything in it; `npm run simulate` has as many as one likes. */
const SEEDS = [4, 8, 10, 9175];
/** A change of the product shifts the runs, so that a neighbour of its seed may be the one that finds a bug. */
const SEEDS_A_BUG = 5;
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
    const states = ['recovery', 'receipt with an answer', 'receipt fetched', 'past read', 'deal found again'];
    for (const state of states) assert.ok(reached.count(state) > 0, `never reached: ${state}`);
    assert.ok(faults.total > SEEDS.length, `only ${faults.total} faults`);
  });

  test('a seed gives the same trace to the byte, and another one does not', () => {
    const [first, again, other] = [13, 13, 8].map((seed) => simulate(seed).fingerprint);
    assert.equal(again, first);
    assert.notEqual(other, first);
  });
});

describe('the simulator notices', () => {
  for (const bug of bugs) {
    test(bug.name, async () => {
      const simulate = await loadSimulation(bug);
      let noticed = false;
      for (let seed = bug.seed; !noticed && seed < bug.seed + SEEDS_A_BUG; seed++) {
        noticed = simulate(seed).violation !== null;
      }
      assert.ok(noticed, `seeds from ${bug.seed} on no longer find it: simulate --hunt ${bug.name}`);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rareBugs } from './bugs.ts';
import { loadSimulation } from './load.ts';

/** As a rule a tenth of them is enough. */
const RUNS_MAX = 300;

describe('runs that are all elections notice', () => {
  for (const bug of rareBugs) {
    test(bug.name, async () => {
      const [product, edited] = [await loadSimulation(), await loadSimulation(bug)];
      let seed = bug.seed;
      while (edited(seed, null, true).violation === null) {
        seed += 1;
        assert.ok(seed < bug.seed + RUNS_MAX, `${RUNS_MAX} runs did not find it`);
      }
      assert.equal(
        product(seed, null, true).violation,
        null,
        `the product keeps its promises with seed ${seed}`,
      );
    });
  }
});

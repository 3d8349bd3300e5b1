import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tally } from '../world/tally.ts';
import { loadWithBug } from './bug-loader.ts';
import { bugs } from './bugs.ts';
import { simulate } from './simulate.ts';

const SEEDS = 40;

describe('a consortium under faults', () => {
  test(`keeps its promises with the seeds 1 to ${SEEDS}, which reach every rare state`, () => {
    const reached = new Tally();
    const faults = new Tally();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const report = simulate(seed);
      assert.equal(report.violation, null, `seed ${seed}`);
      reached.merge(report.reached);
      faults.merge(report.faults);
    }
    const states = [
      'hand-over asked for',
      'joined from a snapshot',
      'leader removed',
      'learner promoted',
      'log truncated',
      'reconfiguration during another',
      'snapshot fetched',
    ];
    for (const state of states) assert.ok(reached.count(state) > 0, `never reached: ${state}`);
    assert.ok(faults.total > 100 * SEEDS, `only ${faults.total} faults`);
  });

  test('a seed replays exactly, and another one does not', () => {
    const [first, again, other] = [7, 7, 8].map((seed) => simulate(seed));
    assert.deepEqual(again, first);
    assert.notEqual(other?.fingerprint, first?.fingerprint);
  });
});

describe('the simulator notices', () => {
  for (const bug of bugs) {
    test(bug.name, async () => {
      const makeRaft = await loadWithBug(bug);
      assert.equal(simulate(bug.seed).violation, null, 'the product keeps its promises with the same seed');
      const { violation } = simulate(bug.seed, makeRaft);
      assert.ok(violation !== null, `seed ${bug.seed} no longer finds it: run simulate --hunt ${bug.name}`);
    });
  }
});

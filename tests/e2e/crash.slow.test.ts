import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashRound } from './crash-rounds.ts';

test('a hundred nodes killed while they write have kept every commit that a client was told of', async (t) => {
  let acknowledged = 0;
  for (let round = 0; round < 100; round++) {
    // Lives of 20 to 400 ms, and ends torn at every length up to an entry's.
    const result = await crashRound(20 + ((round * 137) % 380), (round * 29) % 90);
    acknowledged += result.acknowledged;
  }
  t.diagnostic(`${acknowledged} acknowledged commits compared`);
  assert.ok(acknowledged > 1000);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashRound } from './crash-rounds.ts';

for (const [lifeMs, tornBytes] of [
  [60, 0],
  [150, 5],
  [300, 60],
] as const) {
  test(`what was reported committed survives kill -9 after ${lifeMs} ms and a write torn after ${tornBytes} bytes`, async () => {
    const result = await crashRound(lifeMs, tornBytes);
    assert.ok(result.acknowledged > 0, 'clients were told of commits before the node was killed');
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../index.ts';
import { callOf, Stage, textOf } from './stage.ts';

const options = { max_execution_time_ms: 150, max_heap_bytes: 32 * 1024 * 1024 };

/** How a call ended, in a word. */
export function kindOf(outcome: Outcome | undefined): string {
  if (!outcome) return 'nothing';
  if (outcome.kind === 'response') return 'response';
  return outcome.limit ?? 'failed';
}

/** What a call may try, and how it may end: 'time', 'heap', 'stack', 'failed', or 'response' when harmless. */
export type Attack = readonly [what: string, body: string, ends: readonly string[]];

/** One test: the attack fails its call, the calls around it succeed, and the app serves on. */
export function testAttack([what, body, ends]: Attack): void {
  test(what, () => {
    using stage = new Stage(
      `export function attack() { ${body} }
       export function fine() { return { body: 'fine' }; }`,
      options,
    );
    const outcomes = stage.run(['fine', 'attack', 'fine', 'fine'].map((name) => callOf(name)));
    assert.deepEqual(outcomes.map(kindOf).with(1, ''), ['response', '', 'response', 'response']);
    assert.ok(
      ends.includes(kindOf(outcomes[1])),
      `ended by ${kindOf(outcomes[1])}: ${JSON.stringify(outcomes[1])}`,
    );
    assert.equal(textOf(stage.call('fine')), 'fine', 'and the app serves on');
  });
}

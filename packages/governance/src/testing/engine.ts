import { setFlagsFromString } from 'node:v8';
import { createEngine, type Engine, requiredV8Flags } from '@coco/contracts';

for (const flag of requiredV8Flags) setFlagsFromString(flag);

/** The engine under which governance code runs in tests: the real one. */
export function testEngine(): Engine {
  return createEngine();
}

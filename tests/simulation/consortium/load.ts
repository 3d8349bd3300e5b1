import { type Bug, loadEdition } from '../world/edition.ts';
import type { Report, WriteLine } from './simulate.ts';

/** Runs a seed; lines of the trace go to `write` when somebody wants them. */
export type Simulate = (seed: number, write?: WriteLine | null) => Report;

/**
 * The simulation over a copy of the product in which cryptography leaves nothing to chance, and which may have a bug
 * edited into it.
 */
export async function loadSimulation(bug?: Bug): Promise<Simulate> {
  const { simulate } = await loadEdition<{ simulate: Simulate }>('tests/simulation/consortium/simulate.ts', {
    name: bug === undefined ? 'consortium' : `consortium-${bug.name}`,
    edits: bug?.edits ?? [],
    standIns: {
      '#backend': 'tests/simulation/world/seeded-crypto.ts',
      '@coco/crypto': 'tests/simulation/world/remembering-crypto.ts',
    },
  });
  return simulate;
}

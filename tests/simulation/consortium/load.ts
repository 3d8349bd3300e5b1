import { type Bug, loadEdition } from '../world/edition.ts';
import type { ServiceReport, WriteLine } from './simulate.ts';

/**
 * Runs a seed; lines of the trace go to `write` when somebody wants them. A contested run is all elections, whatever the
 * seed says.
 */
export type Simulate = (seed: number, write?: WriteLine | null, isContested?: boolean) => ServiceReport;

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

import type { Raft } from '@coco/consensus';
import { type Bug, loadEdition } from '../world/edition.ts';
import type { MakeRaft } from './consortium.ts';

/** Loads the product's consensus with a bug edited into it. */
export async function loadWithBug({ name, edits }: Bug): Promise<MakeRaft> {
  const edition = { name, edits, standIns: {} };
  const path = 'packages/consensus/src/index.ts';
  const { Raft: Edited } = await loadEdition<{ Raft: typeof Raft }>(path, edition);
  return (options) => new Edited(options);
}

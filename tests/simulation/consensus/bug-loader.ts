import type { Raft } from '@coco/consensus';
import { type Bug, loadEdition } from '../world/edition.ts';
import type { MakeRaft } from './consortium.ts';

const ROOM = 'packages/consensus/src';

/** Loads the product's consensus with a bug edited into it. */
export async function loadWithBug({ name, edits }: Bug): Promise<MakeRaft> {
  const edition = {
    name,
    edits: edits.map((edit) => ({ ...edit, file: `${ROOM}/${edit.file}` })),
    standIns: {},
  };
  const { Raft: Edited } = await loadEdition<{ Raft: typeof Raft }>(`${ROOM}/index.ts`, edition);
  return (options) => new Edited(options);
}

import type { AudienceId, Audiences } from '@coco/access';
import type { ByteString, Lineage, ReadSet, Version, WriteSet } from '@coco/kv';
import type { TxId } from '@coco/ledger';

/** What a contract's own function wrote to make up for transactions, or why it could not. */
export type Compensation =
  | { readonly kind: 'wrote'; readonly writes: WriteSet; readonly reads: ReadSet }
  | { readonly kind: 'failed'; readonly reason: string };

/** What an undo rests on: the state and history at hand, or the ledger entry in which it was carried out before. */
export type UndoWorld = UndoPlanning | UndoRecorded;

/** An undo that is carried out again: planning it would take secrets, so that it writes what it wrote. */
export interface UndoRecorded {
  readonly kind: 'recorded';
  readonly writes: WriteSet;
}

/**
 * Why a planning has no outcome yet. `loading`: the ledger is being read, ask again. `missing`: no ledger within reach
 * has it. Neither is a verdict: another node, or this one later, may know.
 */
export type Obstacle = 'loading' | 'missing';

/** An obstacle in words. */
export function obstacleText(obstacle: Obstacle): string {
  return obstacle === 'loading'
    ? 'The ledger is being read for what the undo rests on: try again shortly.'
    : 'Neither the ledger files of this node nor another node that it reaches have all that the undo rests on. Nothing is decided: try again when a node with the earlier ledger is there.';
}

/** What the planning of an undo may ask of the node. */
export interface UndoPlanning {
  readonly kind: 'planning';
  /** Up to the version the transaction reads. */
  readonly lineage: Lineage;
  /** Whether the lineage goes back to a version. `beyond`: no node's does any more, for what came since. */
  reachBack(version: Version): 'known' | 'beyond' | Obstacle;
  /** What a past transaction wrote. */
  past(version: Version): WriteSet | Obstacle;
  /** 32 bytes for one change; the same on every node, and known to nobody without the ledger secret. */
  salt(version: Version, change: ByteString): ByteString;
  /** Where the transaction at hand will be committed. */
  readonly place: TxId;
  /** Whose rows are whose. */
  readonly audiences: Audiences;
  /** Runs a function of the contract in force over the latest state, and keeps nothing of it. */
  compensate(call: CompensationCall): Compensation;
}

/** A call of a contract's own function that makes up for transactions. */
export interface CompensationCall {
  readonly module: string;
  readonly function: string;
  /** JSON that tells what they wrote. */
  readonly body: string;
  /** Those to whom rows belong that they wrote: it acts for them, and for no other audience. */
  readonly onBehalfOf: readonly AudienceId[];
}

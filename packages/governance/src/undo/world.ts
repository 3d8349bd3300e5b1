import type { AudienceId, Audiences, Parcel, Shelves } from '@coco/access';
import type { ByteString, Lineage, ReadSet, Version, WriteSet } from '@coco/kv';
import type { TxId } from '@coco/ledger';

/** What a contract's own function wrote to make up for transactions, or why it could not, or not yet. */
export type Compensation =
  | {
      readonly kind: 'wrote';
      readonly writes: WriteSet;
      readonly reads: ReadSet;
      /** What it put into parcels, of which `writes` has the slips. */
      readonly parcels: readonly Parcel[];
    }
  | { readonly kind: 'obstructed'; readonly by: Obstacle }
  | { readonly kind: 'failed'; readonly reason: string };

/** What an undo rests on: the state and history at hand, or the ledger entry in which it was carried out before. */
export type UndoWorld = UndoPlanning | UndoRecorded;

/** An undo that is carried out again: planning it would take secrets, so that it writes what it wrote. */
export interface UndoRecorded {
  readonly kind: 'recorded';
  readonly writes: WriteSet;
}

/**
 * Why a planning has no outcome yet. `loading`: what it rests on is being read, ask again. `missing`: no ledger within
 * reach has it. `away`: nodes of the parties keep it, and none has handed it over, or could be given something to keep.
 * None of them is a verdict: another node, or this one later, may know.
 */
export type Obstacle = keyof typeof obstacles;

const obstacles = {
  loading: 'What the undo rests on is being read: try again shortly.',
  missing:
    'Neither the ledger files of this node nor another node that it reaches have all that the undo rests on. Nothing is decided: try again when a node with the earlier ledger is there.',
  away: 'Rows that the undo rests on are kept by nodes of their parties alone, which have not handed them to this node. Nothing is decided: ask one of theirs, or try again.',
} as const;

/** An obstacle in words. */
export function obstacleText(obstacle: Obstacle): string {
  return obstacles[obstacle];
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
  /** Where rows are opened. Those that only other nodes keep throw AccessError `ParcelsAway`, and are sought then. */
  readonly shelves: Shelves;
  /** What stands in the way when rows were asked for that are not at hand; undefined: nothing. */
  lacking(): Obstacle | undefined;
  /** What stands in the way of writing slips of these: undefined once nodes of their parties have stored them. */
  storing(parcels: readonly Parcel[]): Obstacle | undefined;
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

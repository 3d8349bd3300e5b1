import type { AudienceId, Parcel } from '@coco/access';
import type { ByteString, Place, ReadSet, Tx, Version } from '@coco/kv';
import { formatTxId } from '@coco/ledger';
import type { GovernanceWorld } from '../world.ts';
import type { UndoRequest } from './request.ts';
import { type PastUndo, pastOnceUndone, pastUndos, struckBy } from './struck.ts';
import type { UndoPlanning } from './world.ts';

/** Why an undo cannot be. The code is stable, the message for people. */
export interface UndoProblem {
  readonly code:
    | 'NotCommitted'
    | 'NotOfTheApplication'
    | 'WroteNothing'
    | 'TooOld'
    | 'AlreadyUndone'
    | 'UndoIsUndoneAlone'
    | 'DependedOn'
    | 'DependsOnUndone'
    | 'CannotCascade'
    | 'TooLarge'
    | 'ReadsNotRecorded'
    | 'NotACompensation'
    | 'CompensationFailed';
  readonly message: string;
  /** What is told besides, to those alone who may see all that a compensation is given. */
  readonly detail?: string;
  readonly transactionId?: string;
}

/** One key that the undo changes. */
export interface Change extends Place {
  readonly from: ByteString | null;
  readonly to: ByteString | null;
  /** Who wrote what it holds now, and whose value it gets back; 0: nobody. */
  readonly lastWriter: Version;
  readonly source: Version;
}

/** A world in which an undo can be planned. */
export type PlanningWorld = GovernanceWorld & { readonly undo: UndoPlanning };

/** The world as one to plan in; undefined in a replay, where nothing is planned. */
export function planningIn(world: GovernanceWorld): PlanningWorld | undefined {
  return world.undo.kind === 'planning' ? { ...world, undo: world.undo } : undefined;
}

/** Everything one planning looks at. */
export interface Setting {
  readonly tx: Tx;
  readonly world: PlanningWorld;
  readonly request: UndoRequest;
  readonly past: readonly PastUndo[];
  /** As of now, and as it would be with the undos in the request undone. */
  readonly struckNow: ReadonlySet<Version>;
  readonly struck: ReadonlySet<Version>;
  readonly problems: UndoProblem[];
  /** What a compensation read. */
  reads?: ReadSet;
  /** What it put into parcels. */
  parcels?: readonly Parcel[];
  /** The audiences whose rows it was given. */
  concerned?: readonly AudienceId[];
  idOf(version: Version): string;
}

/** Looks at the undos there were, and at those the request would take back. */
export function settingOf(tx: Tx, world: PlanningWorld, request: UndoRequest): Setting {
  const past = pastUndos(tx, (seqno) => world.viewOf(seqno));
  const named = request.transactions.map(formatTxId);
  return {
    tx,
    world,
    request,
    past,
    struckNow: struckBy(past),
    struck: struckBy(pastOnceUndone(past, named)),
    problems: [],
    idOf: (version) => formatTxId({ view: world.viewOf(version) ?? 0, seqno: version }),
  };
}

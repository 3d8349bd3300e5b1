import type { AudienceId, Parcel } from '@coco/access';
import { changeDigest, planDigest } from '@coco/api';
import type { ByteString, Dependency, ReadSet, Struck, Tx, Version } from '@coco/kv';
import { formatTxId } from '@coco/ledger';
import { governanceLimits } from '../limits.ts';
import { compensationOf, reversalsOf } from './changes.ts';
import { checkCascade, checkNothingDepends, checkRoot, checkUnrecorded, checkWhatReturns } from './checks.ts';
import { dependencyGraph } from './graph.ts';
import type { UndoRequest } from './request.ts';
import { type Change, type PlanningWorld, type Setting, settingOf, type UndoProblem } from './setting.ts';
import { shiftOf } from './struck.ts';
import type { Obstacle } from './world.ts';

/** One key that the undo changes, as the plan binds it. */
export interface PlannedChange extends Change {
  readonly salt: ByteString;
  /** Hex. */
  readonly digest: string;
}

/** Exactly what an undo would do to the state at hand. With problems, it cannot be done. */
export interface UndoPlan {
  readonly request: UndoRequest;
  /** Transaction id of the state it was made for. */
  readonly basis: string;
  readonly undone: readonly string[];
  readonly restored: readonly string[];
  readonly undoneAgain: readonly string[];
  readonly dependencies: readonly Dependency[];
  readonly changes: readonly PlannedChange[];
  /** What a compensation read. */
  readonly reads: ReadSet | undefined;
  /** What it put into parcels, of which the changes have the slips. */
  readonly parcels: readonly Parcel[];
  /** The audiences whose rows it was given: what comes of it is for those to see who read them all. */
  readonly concerned: readonly AudienceId[];
  /** Later transactions of which nobody recorded what they read. */
  readonly unrecorded: number;
  readonly problems: readonly UndoProblem[];
  /** Hex; undefined when it cannot be done. */
  readonly digest: string | undefined;
}

/** A plan, or what stands between this node and one. */
export type Planning =
  | { readonly kind: 'planned'; readonly plan: UndoPlan }
  | { readonly kind: 'obstructed'; readonly by: Obstacle };

/**
 * Plans an undo over the latest state. The same on every node: it rests on the tables, on who read and wrote
 * what, and on values in the ledger.
 */
export function planUndo(tx: Tx, world: PlanningWorld, request: UndoRequest): Planning {
  const setting = settingOf(tx, world, request);
  const roots = request.transactions.map(({ seqno }) => seqno);
  const obstacle = reachBack(setting);
  if (obstacle) return { kind: 'obstructed', by: obstacle };
  for (const root of request.transactions) checkRoot(setting, root);
  if (setting.problems.length > 0) return planned(setting, { undone: roots, dependencies: [], changes: [] });

  const { lineage } = world.undo;
  const struck: Struck = (version) => setting.struck.has(version);
  const graph = dependencyGraph(lineage, roots, struck, request.policy === 'cascade');
  const { dependencies, reached: undone } = graph;
  if (graph.tooLarge) {
    const message = `More than ${governanceLimits.undoTransactionsMax} transactions would be undone.`;
    setting.problems.push({ code: 'TooLarge', message });
  }
  if (request.policy === 'restore') checkNothingDepends(setting, new Set(roots), dependencies);
  if (request.policy === 'cascade') checkCascade(setting, new Set(roots), undone);
  checkWhatReturns(setting);
  const unrecorded = checkUnrecorded(setting, new Set(undone));
  if (setting.problems.length > 0) return planned(setting, { undone, dependencies, changes: [], unrecorded });
  const changes =
    request.policy === 'compensate' ? compensationOf(setting, undone) : reversalsOf(setting, undone, struck);
  if (typeof changes === 'string') return { kind: 'obstructed', by: changes };
  return planned(setting, {
    undone,
    dependencies,
    changes: changes.map((each) => digested(setting, each)),
    unrecorded,
  });
}

/** Sees to it that the lineage goes as far back as the plan looks, or as any node's does. */
function reachBack({ request, struck, struckNow, world }: Setting): Obstacle | undefined {
  const committed = request.transactions.filter((txId) => world.statusOf(txId) === 'Committed');
  // Whatever comes back into force is held against everything that stays undone.
  const restores = [...struckNow].some((version) => !struck.has(version));
  const oldest = [...committed.map(({ seqno }) => seqno), ...(restores ? struck : [])].reduce(
    (least, seqno) => Math.min(least, seqno),
    world.undo.lineage.end,
  );
  const reached = world.undo.reachBack(oldest);
  return reached === 'known' || reached === 'beyond' ? undefined : reached;
}

function digested({ world, request }: Setting, change: Change): PlannedChange {
  const { map, key, lastWriter } = change;
  const salt = world.undo.salt(
    request.transactions[0]?.seqno ?? 0,
    `${lastWriter} ${map.length} ${map} ${key}`,
  );
  return { ...change, salt, digest: changeDigest({ ...change, salt }) };
}

function planned(
  { world, tx, request, problems, past, reads, parcels = [], concerned = [], idOf }: Setting,
  found: {
    readonly undone: readonly Version[];
    readonly dependencies: readonly Dependency[];
    readonly changes: readonly PlannedChange[];
    readonly unrecorded?: number;
  },
): Planning {
  const { dependencies, changes } = found;
  const undone = found.undone.map(idOf);
  const { restored, undoneAgain } = shiftOf(past, undone);
  const digest =
    problems.length > 0
      ? undefined
      : planDigest({
          policy: request.policy,
          transactions: request.transactions.map(formatTxId),
          undone,
          restored,
          undoneAgain,
          changes: changes.map((change) => change.digest),
          compensation: request.compensation,
          allowUnrecordedReads: request.allowUnrecordedReads,
        });
  const plan: UndoPlan = {
    request,
    basis: formatTxId({ view: world.viewOf(tx.readVersion) ?? 0, seqno: tx.readVersion }),
    undone,
    restored,
    undoneAgain,
    dependencies,
    changes,
    unrecorded: found.unrecorded ?? 0,
    problems,
    reads,
    parcels,
    concerned,
    digest,
  };
  return { kind: 'planned', plan };
}

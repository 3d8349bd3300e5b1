import { hasAudiences, recordAt, recordNotice, type Segment, segmentBytes } from '@coco/access';
import type { Tx, WriteSet } from '@coco/kv';
import { formatTxId, parseTxId } from '@coco/ledger';
import { GovernanceError } from '../errors.ts';
import { json, text } from '../tables/codec.ts';
import type { ProposalId } from '../tables/proposals.ts';
import { standings, type UndoRecord, undos } from '../tables/undo.ts';
import type { GovernanceWorld } from '../world.ts';
import { planUndo, type UndoPlan } from './plan.ts';
import { readUndoRequest, type UndoRequest } from './request.ts';
import { type PlanningWorld, planningIn } from './setting.ts';
import { isOfApplication, recordReads } from './trace.ts';
import { obstacleText } from './world.ts';

/** The arguments of the action `undo_transactions`, as the constitution hands them on. */
export type UndoArguments = Readonly<Record<string, unknown>>;

/**
 * Plans again what a proposal names, and holds it to the plan that was previewed. Throws GovernanceError
 * `UndoRefused`, saying why not, or `UndoNotReady`.
 */
export function confirmUndo(tx: Tx, world: GovernanceWorld, args: UndoArguments): void {
  const request = readUndoRequest(args);
  const planning = planningIn(world);
  if (planning) confirmedPlan(tx, planning, request, args);
}

/** Carries out an undo that was accepted: writes the changes, and who is undone by it. */
export function applyUndo(tx: Tx, world: GovernanceWorld, args: UndoArguments, proposal: ProposalId): void {
  const request = readUndoRequest(args);
  // The second would have to be planned over what the first is about to write.
  if (undos.has(tx, proposal)) throw new GovernanceError('UndoRefused', 'A proposal carries one undo.');
  if (world.undo.kind === 'recorded') {
    repeatUndo(tx, world.undo.writes, { request, plan: args.plan, proposal });
    return;
  }
  const planning = world as PlanningWorld;
  const plan = confirmedPlan(tx, planning, request, args);
  const obstacle = planning.undo.storing(plan.parcels);
  if (obstacle) throw new GovernanceError('UndoNotReady', obstacleText(obstacle));
  for (const { map, key, to } of plan.changes) {
    if (to === null) tx.delete(map, key);
    else tx.set(map, key, to);
  }
  if (plan.reads !== undefined) recordReads(tx, plan.reads);
  for (const id of [...plan.undone, ...plan.undoneAgain])
    standings.set(tx, id, { standing: 'undone', proposal });
  for (const id of plan.restored) standings.set(tx, id, { standing: 'restored', proposal });
  undos.set(tx, proposal, {
    policy: request.policy,
    plan: plan.digest as string,
    transactions: request.transactions.map(formatTxId),
    undone: plan.undone,
    restored: plan.restored,
    undoneAgain: plan.undoneAgain,
  });
  const notice = { time: world.now, endpoint: 'undo' };
  recordNotice(tx, planning.undo.place, notice, segmentsConcerned(tx, plan));
}

/** Those who see a transaction whose standing changes, or a row that does. */
function segmentsConcerned(tx: Tx, { changes, restored, undone, undoneAgain }: UndoPlan): Set<Segment> {
  const records = [...undone, ...restored, ...undoneAgain].map((id) => recordAt(tx, parseTxId(id).seqno));
  const rows = changes.filter(({ map }) => hasAudiences(map));
  return new Set([
    ...records.flatMap((record) => record?.parts.map(({ segment }) => segment) ?? []),
    ...rows.map(({ key }) => key.slice(0, segmentBytes)),
  ]);
}

function confirmedPlan(tx: Tx, world: PlanningWorld, request: UndoRequest, args: UndoArguments): UndoPlan {
  const planning = planUndo(tx, world, request);
  if (planning.kind === 'obstructed') throw new GovernanceError('UndoNotReady', obstacleText(planning.by));
  const { plan } = planning;
  if (plan.digest !== undefined && plan.digest === args.plan) return plan;
  throw new GovernanceError('UndoRefused', whyNot(plan, args));
}

/** Writes what the ledger says an undo wrote, provided that it is the one the proposal names. */
function repeatUndo(
  tx: Tx,
  writes: WriteSet,
  { request, plan, proposal }: { request: UndoRequest; plan: unknown; proposal: ProposalId },
): void {
  const row = writes.get(undos.name)?.get(text.encode(proposal));
  const record = typeof row === 'string' ? json<UndoRecord>().decode(row) : undefined;
  const named = request.transactions.map(formatTxId).join();
  if (record?.plan !== plan || record?.policy !== request.policy || record.transactions.join() !== named)
    throw new GovernanceError('UndoRefused', 'The ledger does not record the undo that was proposed.');
  for (const [map, values] of writes) {
    if (!isOfApplication(map) && map !== undos.name && map !== standings.name) continue;
    for (const [key, value] of values) {
      if (value === null) tx.delete(map, key);
      else tx.set(map, key, value);
    }
  }
}

/** In words for the members: what stands in the way, or what has come in between. */
function whyNot(plan: UndoPlan, { previewed_at: previewedAt }: Readonly<Record<string, unknown>>): string {
  if (plan.problems.length > 0) {
    const told = plan.problems.slice(0, 3).map(({ message }) => message);
    const more = plan.problems.length > 3 ? ` (and ${plan.problems.length - 3} more)` : '';
    return `It cannot be undone: ${told.join(' ')}${more}`;
  }
  const since = typeof previewedAt === 'string' ? seqnoOf(previewedAt) : undefined;
  const later = new Set(
    since === undefined
      ? []
      : [
          ...plan.dependencies.flatMap(({ by }) => (by > since ? [by] : [])),
          ...plan.changes.flatMap(({ lastWriter }) => (lastWriter > since ? [lastWriter] : [])),
        ],
  );
  const what =
    later.size === 0
      ? ''
      : ` Since ${previewedAt}, ${later.size === 1 ? '1 transaction' : `${later.size} transactions`} touched it, first seqno ${Math.min(...later)}.`;
  return `The plan is not the one that was previewed: it is ${plan.digest} now.${what} Preview it again, and propose anew.`;
}

function seqnoOf(transactionId: string): number | undefined {
  try {
    return parseTxId(transactionId).seqno;
  } catch {
    return undefined;
  }
}

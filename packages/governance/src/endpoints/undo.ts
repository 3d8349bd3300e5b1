import { formatTxId } from '@coco/ledger';
import { GovernanceError } from '../errors.ts';
import { type GovResponse, json, loading, refuse } from '../http.ts';
import { type Asker, isRecord, jsonIn, memberOf } from '../request.ts';
import { planUndo } from '../undo/plan.ts';
import { previewOut } from '../undo/preview.ts';
import { readUndoRequest, type UndoRequest } from '../undo/request.ts';
import { planningIn } from '../undo/setting.ts';
import { sightOf } from '../undo/sight.ts';
import { obstacleText } from '../undo/world.ts';
import type { GovContext } from '../world.ts';

/** `POST /gov/service/undo:preview`. */
export function previewUndo(context: GovContext): GovResponse {
  const { tx } = context;
  const world = planningIn(context.world);
  if (world === undefined) throw new GovernanceError('UndoRefused', 'Nothing can be planned in a replay.');
  const asker = memberOf(context);
  if ('status' in asker) return asker;
  const asked = undoRequestIn(asker);
  if ('status' in asked) return asked;
  const planning = planUndo(tx, world, asked);
  if (planning.kind === 'obstructed') {
    const text = obstacleText(planning.by);
    return planning.by === 'loading' ? loading(text) : refuse(503, 'UndoNotReady', text);
  }
  const idOf = (seqno: number) => formatTxId({ view: world.viewOf(seqno) ?? 0, seqno });
  const { plan } = planning;
  return json(previewOut(plan, sightOf(asker.id, tx, world.undo, plan), idOf));
}

function undoRequestIn({ sent }: Asker): UndoRequest | GovResponse {
  const parsed = jsonIn(sent);
  if ('problem' in parsed) return refuse(400, 'InvalidInput', `The request is not JSON: ${parsed.problem}`);
  if (!isRecord(parsed.value)) return refuse(400, 'InvalidInput', 'The request is not a JSON object.');
  try {
    return readUndoRequest(parsed.value);
  } catch (error) {
    return refuse(400, 'InvalidInput', error instanceof Error ? error.message : String(error));
  }
}

import type { ShownBytes, UndoChangeOut, UndoDependencyOut, UndoPreviewOut } from '@coco/api';
import { sha256Hex, toBase64 } from '@coco/crypto';
import {
  type ByteString,
  byteStringToBytes,
  byteStringToUtf8,
  type Dependency,
  type Version,
} from '@coco/kv';
import { formatTxId } from '@coco/ledger';
import { governanceLimits } from '../limits.ts';
import type { PlannedChange, UndoPlan } from './plan.ts';
import type { UndoProblem } from './setting.ts';
import type { PlanSight, Sight } from './sight.ts';

/** A plan as somebody may see it: every key that changes is there, some of them only as a digest. */
export function previewOut(
  plan: UndoPlan,
  sight: PlanSight,
  idOf: (version: Version) => string,
): UndoPreviewOut {
  const { request, digest } = plan;
  return {
    policy: request.policy,
    transactions: request.transactions.map(formatTxId),
    ...(request.compensation === undefined ? {} : { compensation: request.compensation }),
    allowUnrecordedReads: request.allowUnrecordedReads,
    basis: plan.basis,
    possible: digest !== undefined,
    ...(digest === undefined ? {} : { plan: digest }),
    undone: plan.undone,
    restored: plan.restored,
    undoneAgain: plan.undoneAgain,
    dependencies: edgesOf(plan.dependencies, idOf),
    changes: plan.changes.map((change) => changeOut(change, sight.of(change), idOf)),
    unrecordedReads: plan.unrecorded,
    problems: plan.problems.map((problem) => problemOut(problem, sight)),
  };
}

function problemOut({ detail, message, ...problem }: UndoProblem, { seesDetails }: PlanSight) {
  const all = detail !== undefined && seesDetails;
  return { ...problem, message: all ? `${message}: ${detail}` : message };
}

/** One edge for each pair of transactions, however many keys lie between them. */
function edgesOf(
  dependencies: readonly Dependency[],
  idOf: (version: Version) => string,
): UndoDependencyOut[] {
  const edges = new Map<
    string,
    { on: Version; by: Version; kinds: Set<Dependency['kind']>; keys: Set<string> }
  >();
  for (const { on, by, kind, map, key } of dependencies) {
    const name = `${on} ${by}`;
    const edge = edges.get(name) ?? { on, by, kinds: new Set(), keys: new Set() };
    edges.set(name, edge);
    edge.kinds.add(kind);
    edge.keys.add(`${map} ${key}`);
  }
  return [...edges.values()]
    .sort((a, b) => a.on - b.on || a.by - b.by)
    .map(({ on, by, kinds, keys }) => ({
      on: idOf(on),
      by: idOf(by),
      kinds: [...kinds].sort(),
      keys: keys.size,
    }));
}

function changeOut(change: PlannedChange, sight: Sight, idOf: (version: Version) => string): UndoChangeOut {
  const { digest, map, lastWriter, source, salt } = change;
  if (!sight.visible)
    return { digest, ...(sight.audience === undefined ? {} : { audience: sight.audience }) };
  return {
    digest,
    ...(sight.audience === undefined ? {} : { sealed: true, audience: sight.audience }),
    map,
    key: shown(sight.key),
    from: sight.from === null ? null : shown(sight.from),
    to: sight.to === null ? null : shown(sight.to),
    ...(lastWriter === 0 ? {} : { writtenBy: idOf(lastWriter) }),
    ...(source === 0 ? {} : { givenBackFrom: idOf(source) }),
    salt: toBase64(byteStringToBytes(salt)),
  };
}

/** Text as text, anything else as base64; of much only the beginning, with the digest of the whole. */
function shown(value: ByteString): ShownBytes {
  const max = governanceLimits.undoShownBytesMax;
  if (value.length > max) {
    const whole = { bytes: value.length, sha256: sha256Hex(byteStringToBytes(value)) };
    return { base64: toBase64(byteStringToBytes(value.slice(0, max))), ...whole };
  }
  try {
    return { text: byteStringToUtf8(value) };
  } catch {
    return { base64: toBase64(byteStringToBytes(value)) };
  }
}

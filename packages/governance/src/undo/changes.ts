import { type AudienceId, audienceIdOf, audienceIdToHex, hasAudiences, type Shelves } from '@coco/access';
import { toBase64 } from '@coco/crypto';
import { type ByteString, byteStringToBytes, invert, type Place, type Struck, type Version } from '@coco/kv';
import { governanceLimits } from '../limits.ts';
import { compensations } from '../tables/application.ts';
import { openedRow } from './row.ts';
import type { Change, Setting } from './setting.ts';
import type { Obstacle, UndoPlanning } from './world.ts';

/** The changes that give back what was there before; with a problem told, none. */
export function reversalsOf(
  setting: Setting,
  undone: readonly Version[],
  struck: Struck,
): Change[] | Obstacle {
  const { tx, world, problems, idOf } = setting;
  const inverse = invert(world.undo.lineage, new Set(undone), struck);
  if (inverse.kind === 'blocked') {
    const message = `${idOf(inverse.by)} has overwritten what would be given back.`;
    problems.push({ code: 'DependedOn', message });
    return [];
  }
  if (inverse.kind === 'unknown') return unknownBefore(setting) ?? [];
  if (isTooLarge(setting, inverse.reversals.length)) return [];
  const past = new PastValues(world.undo);
  const changes = inverse.reversals.map(({ map, key, from: lastWriter, to: source }): Change => {
    const to = source === 0 ? null : past.at(source, { map, key });
    return { map, key, from: tx.get(map, key) ?? null, to, lastWriter, source };
  });
  return past.obstacle ?? changes;
}

/** What a key held was written before the lineage begins: it has to go further back, or cannot. */
function unknownBefore({ problems, world }: Setting): Obstacle | undefined {
  const reached = world.undo.reachBack(1);
  if (reached === 'loading' || reached === 'missing') return reached;
  const message = 'A value that was there before is older than what is kept of reads and writes.';
  problems.push({ code: 'TooOld', message });
  return undefined;
}

/** Values of the past, and what stands in the way of any of them: all are asked for before anybody waits. */
class PastValues {
  obstacle: Obstacle | undefined;
  readonly #undo: UndoPlanning;

  constructor(undo: UndoPlanning) {
    this.#undo = undo;
  }

  /** What a version left at a place; null for nothing, and while there is an obstacle. */
  at(version: Version, { map, key }: Place): ByteString | null {
    const writes = this.#undo.past(version);
    if (typeof writes === 'object') return writes.get(map)?.get(key) ?? null;
    this.obstacle = this.obstacle === 'missing' ? 'missing' : writes;
    return null;
  }
}

function isTooLarge({ problems }: Setting, changes: number): boolean {
  if (changes <= governanceLimits.undoChangesMax) return false;
  const message = `${changes} keys would change: at most ${governanceLimits.undoChangesMax} at once.`;
  problems.push({ code: 'TooLarge', message });
  return true;
}

/**
 * The changes that the contract's own function makes. It is told of each transaction which keys it wrote, what
 * it wrote there and what was there before, and answers with 2xx when it has made up for them.
 */
export function compensationOf(setting: Setting, undone: readonly Version[]): Change[] | Obstacle {
  const { tx, world, request, problems, idOf } = setting;
  const { module = '', function: name = '' } = request.compensation ?? {};
  const declared = `${module.startsWith('/') ? '' : '/'}${module}:${name}`;
  if (!compensations.has(tx, declared)) {
    const how = 'members vote on them with the application, whose metadata lists them under compensations';
    problems.push({
      code: 'NotACompensation',
      message: `The application declares no compensation ${name} of ${module}: ${how}.`,
    });
    return [];
  }
  const onBehalfOf = audiencesOf(undone.flatMap((version) => world.undo.lineage.written(version)));
  const past = new PastValues(world.undo);
  const told = [];
  for (const version of undone) {
    const writes = writesOf(setting, version, past);
    if (writes === 'unknown') return unknownBefore(setting) ?? [];
    told.push({ transaction_id: idOf(version), writes });
  }
  const obstacle = past.obstacle ?? world.undo.lacking();
  if (obstacle) return obstacle;
  setting.concerned = onBehalfOf;
  const body = JSON.stringify({ transactions: told });
  const made = world.undo.compensate({ module, function: name, body, onBehalfOf });
  if (made.kind === 'obstructed') return made.by;
  if (made.kind === 'failed') {
    const message = `${name} of ${module} does not make up for it`;
    problems.push({ code: 'CompensationFailed', message, detail: made.reason });
    return [];
  }
  const changes: Change[] = [];
  for (const [map, writes] of made.writes) {
    for (const [key, to] of writes) {
      const from = tx.get(map, key) ?? null;
      changes.push({ map, key, from, to, lastWriter: tx.versionOf(map, key) ?? 0, source: 0 });
    }
  }
  setting.reads = made.reads;
  setting.parcels = made.parcels;
  return isTooLarge(setting, changes.length) ? [] : changes;
}

function audiencesOf(places: readonly Place[]): AudienceId[] {
  const rows = places.filter(({ map }) => hasAudiences(map));
  return [...new Set(rows.map(({ key }) => audienceIdOf(key)))].sort();
}

type ToldWrite = Readonly<Record<'map' | 'key', string>> &
  Readonly<Record<'value' | 'before', string | null>> & { readonly audience?: string };

/** What a version wrote, as the contract is told; unknown when something before is older than the lineage. */
function writesOf({ world, struck }: Setting, version: Version, past: PastValues): ToldWrite[] | 'unknown' {
  const { lineage, shelves } = world.undo;
  const told: ToldWrite[] = [];
  for (const place of lineage.written(version)) {
    const earlier = lineage.writeBefore(place, version, (each) => struck.has(each));
    if (earlier === undefined && lineage.from > 1) return 'unknown';
    const value = past.at(version, place);
    const before = earlier ? past.at(earlier.version, place) : null;
    const write = toldWrite(shelves, place, { value, before });
    if (write) told.push(write);
  }
  return told;
}

/**
 * A write as its own code knows it: a row of an audience opened. Undefined once the audience's key was destroyed, and for
 * what is not at hand, which is told by `lacking`.
 */
function toldWrite(
  shelves: Shelves,
  { map, key }: Place,
  { value, before }: { readonly value: ByteString | null; readonly before: ByteString | null },
): ToldWrite | undefined {
  if (!hasAudiences(map))
    return { map, key: base64(key), value: value && base64(value), before: before && base64(before) };
  const row = openedRow(shelves, { map, key }, [value, before]);
  if (row === 'away' || row === undefined) return undefined;
  const [valueThen, valueBefore] = row.values as [ByteString | null, ByteString | null];
  return {
    map,
    key: base64(row.key),
    value: valueThen && base64(valueThen),
    before: valueBefore && base64(valueBefore),
    audience: audienceIdToHex(audienceIdOf(key)),
  };
}

function base64(bytes: ByteString): string {
  return toBase64(byteStringToBytes(bytes));
}

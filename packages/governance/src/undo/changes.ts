import { toBase64 } from '@coco/crypto';
import { type ByteString, byteStringToBytes, invert, type Place, type Struck, type Version } from '@coco/kv';
import { governanceLimits } from '../limits.ts';
import type { Change, Setting, UndoProblem } from './setting.ts';

/** The changes that give back what was there before; with a problem told, none. */
export function reversalsOf(
  setting: Setting,
  undone: readonly Version[],
  struck: Struck,
): Change[] | 'loading' {
  const { tx, world, problems, idOf } = setting;
  const inverse = invert(world.undo.lineage, new Set(undone), struck);
  if (inverse.kind !== 'inverse') {
    const message =
      inverse.kind === 'blocked'
        ? `${idOf(inverse.by)} has overwritten what would be given back.`
        : 'A value to be given back is older than what this node knows of.';
    problems.push({ code: inverse.kind === 'blocked' ? 'DependedOn' : 'TooOld', message });
    return [];
  }
  if (isTooLarge(setting, inverse.reversals.length)) return [];
  let loading = false;
  const changes = inverse.reversals.map(({ map, key, from: lastWriter, to: source }): Change => {
    const writes = source === 0 ? undefined : world.undo.past(source);
    if (writes === 'loading') loading = true;
    if (writes === 'missing') problems.push(notReadable(idOf(source)));
    const to = typeof writes === 'object' ? (writes.get(map)?.get(key) ?? null) : null;
    return { map, key, from: tx.get(map, key) ?? null, to, lastWriter, source };
  });
  return loading ? 'loading' : changes;
}

function isTooLarge({ problems }: Setting, changes: number): boolean {
  if (changes <= governanceLimits.undoChangesMax) return false;
  const message = `${changes} keys would change: at most ${governanceLimits.undoChangesMax} at once.`;
  problems.push({ code: 'TooLarge', message });
  return true;
}

function notReadable(transactionId: string): UndoProblem {
  const message = `The ledger of this node does not give back ${transactionId}.`;
  return { code: 'PastNotReadable', message, transactionId };
}

/**
 * The changes that the contract's own function makes. It is told of each transaction which keys it wrote, what
 * it wrote there and what was there before, and answers with 2xx when it has made up for them.
 */
export function compensationOf(setting: Setting, undone: readonly Version[]): Change[] | 'loading' {
  const { tx, world, request, problems, idOf } = setting;
  const transactions = undone.map((version) => writesOf(setting, version));
  if (problems.length > 0) return [];
  if (transactions.some(({ writes }) => writes.includes('loading'))) return 'loading';
  const told = transactions.map(({ version, writes }) => ({ transaction_id: idOf(version), writes }));
  const { module = '', function: name = '' } = request.compensation ?? {};
  const body = JSON.stringify({ transactions: told });
  const made = world.undo.compensate({ module, function: name, body });
  if (made.kind === 'failed') {
    const message = `${name} of ${module} does not make up for it: ${made.reason}`;
    problems.push({ code: 'CompensationFailed', message });
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
  return isTooLarge(setting, changes.length) ? [] : changes;
}

type ToldWrite = Readonly<Record<'map' | 'key', string>> &
  Readonly<Record<'value' | 'before', string | null>>;

function writesOf(
  { world, struck, problems, idOf }: Setting,
  version: Version,
): { readonly version: Version; readonly writes: readonly (ToldWrite | 'loading')[] } {
  const { lineage } = world.undo;
  const valueAt = (at: Version, { map, key }: Place): ByteString | null | 'loading' => {
    const writes = world.undo.past(at);
    if (writes === 'missing') problems.push(notReadable(idOf(at)));
    return typeof writes === 'object'
      ? (writes.get(map)?.get(key) ?? null)
      : writes === 'loading'
        ? writes
        : null;
  };
  const writes = lineage.written(version).map((place) => {
    const earlier = lineage.writeBefore(place, version, (each) => struck.has(each));
    const [value, before] = [valueAt(version, place), earlier ? valueAt(earlier.version, place) : null];
    if (value === 'loading' || before === 'loading') return 'loading';
    return {
      map: place.map,
      key: base64(place.key),
      value: value && base64(value),
      before: before && base64(before),
    };
  });
  return { version, writes };
}

function base64(bytes: ByteString): string {
  return toBase64(byteStringToBytes(bytes));
}

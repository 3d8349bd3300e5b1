import type { ReadableMapState, Version } from '@coco/kv';
import { formatTxId, parseTxId } from '@coco/ledger';
import { text } from '../tables/codec.ts';
import { type UndoRecord, undos } from '../tables/undo.ts';

/** An undo that was carried out. */
export interface PastUndo extends UndoRecord {
  readonly version: Version;
  /** Transaction id of the version. */
  readonly id: string;
  /** Nothing has undone it since. */
  readonly active: boolean;
}

/** Every undo there was, the latest first. `viewOf` completes a seqno to the id by which others name it. */
export function pastUndos(
  state: ReadableMapState,
  viewOf: (seqno: number) => number | null,
): readonly PastUndo[] {
  const known = [...undos.entries(state)].map(([proposal, record]) => {
    const version = state.versionOf(undos.name, text.encode(proposal)) ?? 0;
    return { ...record, version, id: formatTxId({ view: viewOf(version) ?? 0, seqno: version }) };
  });
  return withActivity(known.sort((a, b) => b.version - a.version));
}

/** Undos in descending order, each with whether a later one that counts has undone it. */
function withActivity(known: readonly Omit<PastUndo, 'active'>[]): PastUndo[] {
  const undone = new Set<string>();
  return known.map((record) => {
    const active = !undone.has(record.id);
    if (active) for (const each of record.undone) undone.add(each);
    return { ...record, active };
  });
}

/** Who is undone, by transaction id. */
export function undoneBy(past: readonly PastUndo[]): Set<string> {
  return new Set(past.flatMap(({ active, undone }) => (active ? undone : [])));
}

/** The undos there were, as they count once these transactions are undone as well. */
export function pastOnceUndone(past: readonly PastUndo[], undone: readonly string[]): readonly PastUndo[] {
  return withActivity([latestOf(undone), ...past]).slice(1);
}

/** Whose standing changes when these are undone on top: what is undone anew by it, and what is in force again. */
export function shiftOf(
  past: readonly PastUndo[],
  undone: readonly string[],
): { readonly undoneAgain: readonly string[]; readonly restored: readonly string[] } {
  const before = undoneBy(past);
  const after = undoneBy(withActivity([latestOf(undone), ...past]));
  const direct = new Set(undone);
  const ascending = (ids: Iterable<string>) =>
    [...ids].sort((a, b) => parseTxId(a).seqno - parseTxId(b).seqno);
  return {
    undoneAgain: ascending([...after].filter((id) => !before.has(id) && !direct.has(id))),
    restored: ascending([...before].filter((id) => !after.has(id))),
  };
}

/** An undo that is yet to come. */
function latestOf(undone: readonly string[]): Omit<PastUndo, 'active'> {
  const unknown = {
    id: '',
    plan: '',
    policy: 'restore',
    transactions: [],
    restored: [],
    undoneAgain: [],
  } as const;
  return { ...unknown, undone, version: Number.POSITIVE_INFINITY };
}

/**
 * The versions that count as if they had never been. What an active undo gave back stands as it was before, so
 * that both the undone and the undo are struck; compensation gives nothing back, it adds.
 */
export function struckBy(past: readonly PastUndo[]): Set<Version> {
  const struck = new Set<Version>();
  for (const { active, policy, version, undone } of past) {
    if (!active || policy === 'compensate') continue;
    struck.add(version);
    for (const each of undone) struck.add(parseTxId(each).seqno);
  }
  return struck;
}

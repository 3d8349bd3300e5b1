import { type Dependency, DependentSearch, type Version } from '@coco/kv';
import { formatTxId, type TxId } from '@coco/ledger';
import type { Setting, UndoProblem } from './setting.ts';

/** Whether a named transaction is one that can be undone at all. */
export function checkRoot(setting: Setting, { view, seqno }: TxId): void {
  const transactionId = formatTxId({ view, seqno });
  const { world, past, request, problems, struckNow } = setting;
  const { lineage } = world.undo;
  const refuse = (code: UndoProblem['code'], message: string) =>
    problems.push({ code, message, transactionId });
  const status = world.statusOf({ view, seqno });
  if (status !== 'Committed') {
    refuse(
      'NotCommitted',
      `${transactionId} is ${status.toLowerCase()}: only what is committed can be undone.`,
    );
    return;
  }
  const by = past.find(({ active, undone }) => active && undone.includes(transactionId));
  if (by !== undefined) {
    refuse('AlreadyUndone', `${transactionId} was undone by ${by.id}.`);
    return;
  }
  if (seqno < lineage.from) {
    const since = setting.idOf(lineage.from);
    refuse(
      'TooOld',
      `${transactionId} is older than what is kept of reads and writes, which begins with ${since}.`,
    );
  } else if (past.some(({ version }) => version === seqno)) {
    if (request.transactions.length > 1 || request.policy === 'compensate')
      refuse('UndoIsUndoneAlone', `${transactionId} is an undo: it is undone alone, by restore or cascade.`);
  } else if (lineage.isFixed(seqno) || struckNow.has(seqno)) {
    refuse(
      'NotOfTheApplication',
      `${transactionId} is of governance or of the node, which have their own ways back.`,
    );
  } else if (lineage.written(seqno).length === 0) {
    refuse('WroteNothing', `${transactionId} wrote nothing of the application.`);
  }
}

/** Nothing that stays may hang on what goes. */
export function checkNothingDepends(
  setting: Setting,
  roots: ReadonlySet<Version>,
  dependencies: readonly Dependency[],
): void {
  const later = new Set(dependencies.flatMap(({ by }) => (roots.has(by) ? [] : [by])));
  for (const version of later) {
    const transactionId = setting.idOf(version);
    const message = `${transactionId} has read or overwritten what would be undone: undo it as well (cascade).`;
    setting.problems.push({ code: 'DependedOn', message, transactionId });
  }
}

/** What a cascade reaches must be of the application and in force, like what was named. */
export function checkCascade(
  { idOf, past, problems, world }: Setting,
  roots: ReadonlySet<Version>,
  undone: readonly Version[],
): void {
  for (const version of undone) {
    if (roots.has(version)) continue;
    const transactionId = idOf(version);
    const cannot = (why: string) =>
      problems.push({
        code: 'CannotCascade',
        message: `${transactionId} depends on what would be undone, and ${why}.`,
        transactionId,
      });
    const by = past.find(({ active, undone: each }) => active && each.includes(transactionId));
    if (by) cannot(`was made up for by ${by.id}: undo that first`);
    else if (past.some((each) => each.version === version)) cannot('is an undo itself: undo that first');
    else if (world.undo.lineage.isFixed(version)) cannot('is of governance: it cannot be undone along');
  }
}

/** What comes back into force must not hang on anything that stays undone. */
export function checkWhatReturns({ request, world, struck, struckNow, problems, idOf }: Setting): void {
  const named = new Set(request.transactions.map(({ seqno }) => seqno));
  const returns = new Set([...struckNow].filter((version) => !struck.has(version) && !named.has(version)));
  if (returns.size === 0) return;
  const search = new DependentSearch(world.undo.lineage, (version) => struck.has(version));
  for (const gone of [...struck].sort((a, b) => a - b)) {
    if (gone < world.undo.lineage.from) continue;
    search.each(gone, (by) => {
      // It is said once of each.
      if (!returns.delete(by)) return;
      const [what, on] = [idOf(by), idOf(gone)];
      const message = `${what} would be in force again, but depends on ${on}, which is undone: undo that undo first.`;
      problems.push({ code: 'DependsOnUndone', message, transactionId: what });
    });
  }
}

/** Counts later transactions of which nobody knows what they read. */
export function checkUnrecorded(setting: Setting, undone: ReadonlySet<Version>): number {
  const { request, world, struck, problems } = setting;
  const [first] = undone;
  let count = 0;
  for (const version of world.undo.lineage.unreadAfter(first ?? 0))
    if (!undone.has(version) && !struck.has(version)) count++;
  if (count > 0 && !request.allowUnrecordedReads) {
    const message = `${count} later transactions may have read it: what they read was not recorded. Say allow_unrecorded_reads to go ahead all the same.`;
    problems.push({ code: 'ReadsNotRecorded', message });
  }
  return count;
}

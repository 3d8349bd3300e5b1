import type { ShownBytes, UndoChangeOut, UndoPreviewOut } from '@coco/api';
import { columns, counted, facts } from '../text.ts';

/** A preview for people: what goes, what hangs on what, what changes, and what stands in the way. */
export function undoText(preview: UndoPreviewOut): string {
  const { basis, changes, plan, policy, problems, restored, transactions, undone, undoneAgain } = preview;
  const parts = [
    facts([
      ['undo', `${transactions.join(' ')} by ${policy}, over the state at ${basis}`],
      ['undoes', undone.length > transactions.length ? undone.join(' ') : undefined],
      ['in force again', restored.length > 0 ? restored.join(' ') : undefined],
      ['undone again', undoneAgain.length > 0 ? undoneAgain.join(' ') : undefined],
      ['plan', plan],
    ]),
    ...section('depends on it', graphLines(preview)),
    ...section(`changes ${counted(changes.length, 'key')}`, changeLines(changes)),
    ...section(
      'cannot be undone',
      problems.map(({ code, message }) => `${code}: ${message}`),
    ),
  ];
  return parts.join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

/**
 * Dependencies as a tree below each transaction that is named. One that was shown before is not unfolded again,
 * so that a graph of any shape comes to an end.
 */
export function graphLines({ dependencies, transactions }: UndoPreviewOut): string[] {
  const below = new Map<string, typeof dependencies>();
  for (const each of dependencies) below.set(each.on, [...(below.get(each.on) ?? []), each]);
  const lines: string[] = [];
  const shown = new Set<string>();
  const open: { readonly line: string; readonly id: string; readonly indent: string }[] = transactions
    .filter((id) => below.has(id))
    .map((id) => ({ line: id, id, indent: '' }))
    .reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { id, indent, line } = next;
    const isKnown = shown.has(id);
    lines.push(isKnown && below.has(id) ? `${line}  (see above)` : line);
    if (isKnown) continue;
    shown.add(id);
    const children = below.get(id) ?? [];
    children.toReversed().forEach(({ by, keys, kinds }, i) => {
      const isLast = i === 0;
      const what = `${verbsOf(kinds)} ${counted(keys, 'key')}`;
      open.push({
        line: `${indent}${isLast ? '└─ ' : '├─ '}${by}  ${what}`,
        id: by,
        indent: `${indent}${isLast ? '   ' : '│  '}`,
      });
    });
  }
  return lines;
}

const verbs = { read: 'read', scan: 'searched over', overwrite: 'overwrote' } as const;

function verbsOf(kinds: readonly (keyof typeof verbs)[]): string {
  return kinds.map((kind) => verbs[kind]).join(' and ');
}

function changeLines(changes: readonly UndoChangeOut[]): string[] {
  const rows = changes.flatMap((change) => {
    const { from, givenBackFrom, key, map, to } = change;
    if (map === undefined || key === undefined) return [];
    const back = givenBackFrom === undefined ? '' : `(of ${givenBackFrom})`;
    return [[`${map} ${textOf(key)}`, textOf(from ?? null), '→', textOf(to ?? null), back]];
  });
  const hidden = changes.filter(({ map }) => map === undefined);
  const byAudience = Map.groupBy(hidden, ({ audience }) => audience ?? '');
  return [
    ...(rows.length === 0 ? [] : columns(rows).split('\n')),
    ...[...byAudience].map(([audience, of]) => {
      const whose =
        audience === '' ? 'private to the application' : `of audience ${audience}, not yours to see`;
      return `${counted(of.length, 'key')} ${whose}`;
    }),
  ];
}

function textOf(shown: ShownBytes | null): string {
  if (shown === null) return '(absent)';
  const text = shown.text ?? `base64:${shown.base64 ?? ''}`;
  const more = shown.bytes === undefined ? '' : ` … ${shown.bytes} bytes`;
  return `${text.length > 96 ? `${text.slice(0, 96)}…` : text}${more}`;
}

import type { ChangedEndpoint, Comparison } from '@coco/contract-build';
import { columns, counted } from '../text.ts';

/** A comparison for members to read before they vote. */
export function comparisonText({ maps, indexes, ...code }: Comparison): string {
  return [
    codeText(code),
    'indexes:',
    ...orNothing([
      ...indexes.removed.map((name) => `  - ${name}`),
      ...indexes.added.map((name) => `  + ${name}  every node builds it from what is committed`),
      ...indexes.changed.map((name) => `  ~ ${name}  every node builds it anew`),
    ]),
    'maps named in the code:',
    ...orNothing([
      ...maps.unnamed.map((name) => `  - ${name}  no longer named: what it holds stays, and is not reached`),
      ...maps.added.map((name) => `  + ${name}`),
    ]),
  ].join('\n');
}

/** The part of a comparison that needs no more than what differs: endpoints and modules. */
export function codeText({ endpoints, modules }: Pick<Comparison, 'endpoints' | 'modules'>): string {
  const summary = [
    `${endpoints.added.length} added`,
    `${endpoints.removed.length} removed`,
    `${endpoints.changed.length} changed`,
    ...(endpoints.unchanged > 0 ? [`${endpoints.unchanged} unchanged`] : []),
  ];
  return [
    `endpoints: ${summary.join(', ')}`,
    ...endpoints.removed.map((route) => `  - ${route}`),
    ...endpoints.added.map((route) => `  + ${route}`),
    ...endpoints.changed.flatMap(changedLines),
    'modules:',
    ...orNothing([
      ...modules.removed.map((name) => `  - ${name}`),
      ...modules.added.map((name) => `  + ${name}`),
      ...modules.changed.map(
        ({ name, bytesBefore, bytesAfter }) =>
          `  ~ ${name}  ${counted(bytesBefore, 'byte')} -> ${counted(bytesAfter, 'byte')}`,
      ),
    ]),
  ].join('\n');
}

function orNothing(lines: readonly string[]): readonly string[] {
  return lines.length > 0 ? lines : ['  nothing changes'];
}

function changedLines({ route, aspects, differences }: ChangedEndpoint): readonly string[] {
  const rows = differences.map(({ where, before, after }) => [
    `      ${where}`,
    `${shown(before)} -> ${shown(after)}`,
  ]);
  return [`  ~ ${route}  (${aspects.join(', ')})`, columns(rows)];
}

const shownMax = 60;

/** A value on one line, as much of it as fits. */
export function shown(value: unknown): string {
  const text = value === undefined ? 'not said' : JSON.stringify(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}...` : text;
}

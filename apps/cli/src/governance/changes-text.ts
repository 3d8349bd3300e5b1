import type { ChangeOut, PreviewOut } from '@coco/api';
import { type Bundle, compareBundles, differencesOf, type EndpointProps } from '@coco/contract-build';
import { parseCertificate } from '@coco/crypto';
import { structuredPatch } from 'diff';
import { codeText, shown } from '../contract/comparison-text.ts';
import { columns, counted, facts, short } from '../text.ts';

/** What a proposal would come to, for a member to read before it signs. */
export function previewText(told: PreviewOut): string {
  const { changes, description, effects = [], failure, log, state, valid, votes = {} } = told;
  const inFavour = Object.values(votes).filter(Boolean).length;
  const ballots = `${inFavour} for, ${Object.keys(votes).length - inFavour} against`;
  const lines = [
    facts([
      ['valid', valid ? 'yes' : `NO: ${description ?? ''}`],
      ['with these ballots', state === undefined ? undefined : `${state} (${ballots})`],
      ['would fail', failure?.reason],
    ]),
    ...Object.entries(told.voteFailures ?? {}).map(
      ([id, { reason }]) => `ballot of ${short(id)} throws: ${reason}`,
    ),
    ...log.map((line) => `printed: ${line}`),
  ];
  if (changes !== undefined) {
    lines.push(
      'once accepted',
      ...changesText(changes),
      ...effects.map((name) => `  ${effectWords[name] ?? name}`),
    );
    if (changes.length + effects.length === 0) lines.push('  nothing changes');
  }
  return lines.join('\n');
}

const effectWords: Readonly<Record<string, string>> = {
  triggerLedgerRekey: 'the ledger gets a new secret, and members new recovery shares',
  triggerRecoverySharesRefresh: 'members get new recovery shares',
  transitionServiceToOpen: 'the service opens',
  triggerLedgerChunk: 'the present ledger file ends',
  triggerSnapshot: 'a snapshot is taken',
  changeAudience: 'other people read what a private audience writes from then on',
  shredAudience: 'what a private audience has written becomes unreadable, for good',
};

const tables = {
  constitution: 'public:ccf.gov.constitution',
  endpoints: 'public:ccf.gov.endpoints',
  modules: 'public:ccf.gov.modules',
} as const;

function changesText(changes: readonly ChangeOut[]): string[] {
  const byTable = Map.groupBy(changes, ({ table }) => table);
  const code = [...(byTable.get(tables.endpoints) ?? []), ...(byTable.get(tables.modules) ?? [])];
  const lines = code.length === 0 ? [] : ['  the contract', ...indented(contractText(code), 4)];
  for (const [table, rows] of byTable) {
    if (table === tables.endpoints || table === tables.modules) continue;
    if (table === tables.constitution) lines.push('  the constitution', ...rows.flatMap(constitutionLines));
    else lines.push(`  ${table}`, ...indented(columns(rows.flatMap(rowLines)), 4));
  }
  return lines;
}

/** The code that changes, told as endpoints and modules. */
function contractText(rows: readonly ChangeOut[]): string {
  return codeText(compareBundles(bundleOf(rows, 'before'), bundleOf(rows, 'after')));
}

function bundleOf(rows: readonly ChangeOut[], side: 'before' | 'after'): Bundle {
  const endpoints: Record<string, Record<string, EndpointProps>> = {};
  const modules: { name: string; module: string }[] = [];
  for (const { key = '', table, [side]: value } of rows) {
    if (value === null) continue;
    if (table === tables.modules) modules.push({ name: key, module: value });
    else {
      const space = key.indexOf(' ');
      const [method, path] = [key.slice(0, space), key.slice(space + 1)];
      endpoints[path] = { ...endpoints[path], [method]: JSON.parse(value) as EndpointProps };
    }
  }
  return { metadata: { endpoints }, modules };
}

/** Lines of context around a change of the constitution. */
const contextLines = 3;

function constitutionLines({ before, after }: ChangeOut): string[] {
  const [old, present] = [textIn(before), textIn(after)];
  const { hunks } = structuredPatch('', '', old, present, undefined, undefined, { context: contextLines });
  return hunks.flatMap(({ lines, newLines, newStart, oldLines, oldStart }) => [
    `    @@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...lines.map((line) => `    ${line}`),
  ]);
}

function textIn(value: string | null): string {
  return value === null ? '' : (JSON.parse(value) as string);
}

/** A row of any other table: what is added, removed, or differs. */
function rowLines({ key, before, after }: ChangeOut): string[][] {
  const name = key === undefined ? '' : nameOf(key);
  if (before === null) return [['+', name, valueText(after ?? '')]];
  if (after === null) return [['-', name, valueText(before)]];
  const [old, present] = [parsed(before), parsed(after)];
  if (old === undefined || present === undefined) {
    return [['~', name, `${valueText(before)} -> ${valueText(after)}`]];
  }
  return differencesOf(old, present, '').map(({ where, before: was, after: is }) => [
    '~',
    name,
    `${where.replace(/^\./, '')}${where === '' ? '' : ': '}${shown(was)} -> ${shown(is)}`,
  ]);
}

/** Ids are told as everywhere; other keys as they are. */
function nameOf(key: string): string {
  return /^[0-9a-f]{64}$/.test(key) ? short(key) : key;
}

/** A value in words: certificates as who and until when, JSON on one line, anything else by its length. */
function valueText(value: string): string {
  const certificate = certificateText(parsed(value) ?? value);
  if (certificate !== undefined) return certificate;
  if (parsed(value) !== undefined) return shown(parsed(value));
  return value.length > textMax ? counted(value.length, 'character') : JSON.stringify(value);
}

const textMax = 100;

function certificateText(pem: unknown): string | undefined {
  if (typeof pem !== 'string' || !pem.includes('BEGIN CERTIFICATE')) return undefined;
  try {
    const { notAfter, subject } = parseCertificate(pem);
    return `certificate of ${subject}, until ${new Date(notAfter).toISOString().slice(0, 10)}`;
  } catch {
    return 'a certificate that cannot be read';
  }
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function indented(text: string, by: number): string[] {
  return text.split('\n').map((line) => `${' '.repeat(by)}${line}`);
}

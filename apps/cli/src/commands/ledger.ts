import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Auditor, type AuditReport, decodeEntry, formatTxId } from '@coco/ledger';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { CliError } from '../errors.ts';
import { readCertificate } from '../files.ts';
import { type Broken, listChunks, lookAt, readEntries } from '../ledger/folder.ts';
import type { GovernanceReplay, ReplayedGovernance } from '../ledger/governance-replay.ts';
import { entryJson, hexOf } from '../ledger/show.ts';
import { columns, counted, facts } from '../text.ts';

/** `coco ledger`: ledger files, offline. */
export const ledger: Noun = {
  verbs: [
    {
      name: 'verify',
      arguments: '<dir>',
      summary: 'Audit ledger files: every entry, root and signature. Needs no secret',
      example: 'ledger verify /var/lib/coco/ledger --service-cert service_cert.pem',
      options: [
        { flags: '--service-cert <pem>', summary: 'the service it must be the ledger of' },
        {
          flags: '--governance',
          summary: 'replay every decision as well: signatures, ballots, and the constitution in force',
        },
      ],
      run: verify,
    },
    {
      name: 'list',
      arguments: '<dir>',
      summary: 'The chunk files and what they hold',
      example: 'ledger list /var/lib/coco/ledger',
      run: list,
    },
    {
      name: 'read',
      arguments: '<dir> <seqno>',
      summary: 'Entries in JSON: their public maps',
      example: 'ledger read /var/lib/coco/ledger 35 --to 40',
      options: [{ flags: '--to <seqno>', summary: 'up to and including this one' }],
      run: read,
    },
  ],
};

async function verify(input: Input, io: Io): Promise<Outcome> {
  const folder = resolve(io.directory, input.argument(0));
  const cert = input.text('serviceCert');
  const governance = input.flag('governance') ? await governanceReplay() : undefined;
  const auditor = new Auditor({
    ...(cert === undefined ? {} : { trustedServiceCert: readCertificate(io, cert) }),
    ...(governance === undefined ? {} : { each: governance.each }),
  });
  const chunks = listChunks(folder);
  if (chunks.length === 0) throw new CliError('Failed', `${input.argument(0)} holds no ledger files`);
  let broken: Broken | undefined;
  for (const item of readEntries(chunks)) {
    if (item.kind === 'entry') auditor.feed(item.bytes, { file: item.file, offset: item.offset });
    else broken = item;
  }
  const report = auditor.finish();
  const replayed = governance?.finish();
  const whole = report.problems.length === 0 && (broken === undefined || broken.kind === 'torn');
  const followed = replayed === undefined || (replayed.finding ?? replayed.skipped) === undefined;
  const ok = whole && followed;
  const json = reportJson(report, chunks.length, broken, ok);
  return {
    ok,
    json: replayed === undefined ? json : { ...json, governance: replayed },
    text: [
      reportText(report, chunks.length, broken, ok),
      ...(replayed ? [governanceText(replayed)] : []),
    ].join('\n'),
  };
}

/** The engine that replays decisions is loaded for those who ask for it. */
async function governanceReplay(): Promise<GovernanceReplay> {
  const { replayGovernance } = await import('../ledger/governance-replay.ts');
  return replayGovernance();
}

function governanceText({ decisions, finding, skipped }: ReplayedGovernance): string {
  if (skipped !== undefined) return facts([['governance', `NOT replayed: ${skipped}`]]);
  if (finding === undefined)
    return facts([
      ['governance', `${counted(decisions, 'decision')} replayed: all follow from what members signed`],
    ]);
  return facts([
    ['governance', 'does NOT follow from what members signed'],
    ['first decision', `entry ${finding.seqno}: ${finding.problem}`],
  ]);
}

function reportJson(
  report: AuditReport,
  chunks: number,
  broken: Broken | undefined,
  sound: boolean,
): Record<string, unknown> {
  const { lastSigned, lastSignedRoot, views, ...rest } = report;
  return {
    sound,
    chunks,
    ...rest,
    views: views.map(formatTxId),
    lastSigned: lastSigned === undefined ? null : formatTxId(lastSigned),
    lastSignedRoot: lastSignedRoot === undefined ? null : hexOf(lastSignedRoot),
    broken: broken ?? null,
  };
}

function reportText(report: AuditReport, chunks: number, broken: Broken | undefined, sound: boolean): string {
  const [problem] = report.problems;
  const unsigned = report.last - (report.lastSigned?.seqno ?? 0);
  const lines: [string, string | number | undefined][] = [
    [
      sound ? 'sound' : 'NOT sound',
      `${counted(report.entries, 'entry', 'entries')} in ${counted(chunks, 'file')}`,
    ],
    ['signatures', `${report.signatures}, of them ${report.coseSignatures} by the service key as well`],
    ['vouched for up to', report.lastSigned === undefined ? 'nothing' : formatTxId(report.lastSigned)],
    ['after that', unsigned > 0 ? `${counted(unsigned, 'entry', 'entries')} not signed yet` : undefined],
    ['root', report.lastSignedRoot === undefined ? undefined : hexOf(report.lastSignedRoot)],
    ['service', report.serviceStatus],
  ];
  if (problem !== undefined) {
    const { file, offset } = problem.location;
    const place =
      file === undefined ? `entry ${problem.seqno}` : `${file}, offset ${offset}, entry ${problem.seqno}`;
    lines.push(['first problem', place], ['reason', problem.message]);
    if (report.problems.length > 1) lines.push(['further problems', report.problems.length - 1]);
  }
  if (broken !== undefined)
    lines.push([broken.kind, `${broken.file}, offset ${broken.offset}: ${broken.reason}`]);
  return facts(lines);
}

async function list(input: Input, io: Io): Promise<Outcome> {
  const chunks = listChunks(resolve(io.directory, input.argument(0)));
  const rows = chunks.map((listed) => {
    const { chunk, found } = lookAt(listed, (path) => statSync(path).size);
    const { start, end, committed, recovery } = chunk.name;
    const state = committed === true ? 'committed' : end === undefined ? 'open' : 'complete';
    return { file: chunk.file, start, end: end ?? null, state, recovery: recovery === true, bytes: found };
  });
  const lines = rows.map((row) => [
    row.file,
    `${row.start}-${row.end ?? ''}`,
    row.state,
    `${row.bytes.toLocaleString('en')} bytes`,
  ]);
  return { ok: true, json: { chunks: rows }, text: lines.length === 0 ? 'no ledger files' : columns(lines) };
}

async function read(input: Input, io: Io): Promise<Outcome> {
  const from = wholeNumber(input.argument(1));
  const to = input.whole('to') ?? from;
  const chunks = listChunks(resolve(io.directory, input.argument(0))).filter(
    ({ name }) => name.start <= to && (name.end ?? Number.MAX_SAFE_INTEGER) >= from,
  );
  const entries: unknown[] = [];
  for (const item of readEntries(chunks)) {
    if (item.kind !== 'entry') break;
    if (item.seqno < from || item.seqno > to) continue;
    entries.push({ ...entryJson(decodeEntry(item.bytes)), file: item.file, offset: item.offset });
  }
  if (entries.length === 0) throw new CliError('Failed', `no entry ${from} in ${input.argument(0)}`);
  const [only] = entries;
  const json = from === to ? only : { entries };
  return { ok: true, json, text: JSON.stringify(json, null, 2) };
}

function wholeNumber(text: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text);
  throw new CliError('Usage', `${text} is not a seqno`);
}

import {
  looks,
  privateTransactions,
  type TransactionEvent,
  type TransactionFilter,
  transactionEvents,
} from '@coco/client';
import type { Input, Io, Option, Outcome, Verb } from '../command.ts';
import { connectionOptions, withSession } from '../connection.ts';
import { CliError } from '../errors.ts';
import { columns, counted } from '../text.ts';

type Shown = TransactionEvent['transaction'];

const filterOptions: readonly Option[] = [
  { flags: '--from <time>', summary: 'not before this, ISO 8601' },
  { flags: '--endpoint <route>', summary: 'of this endpoint: "POST /orders"' },
  { flags: '--by <reader>', summary: 'called by this party or user: party:NAME, user:ID' },
  { flags: '--party <name>', summary: 'that this party may see as well' },
];

const limitOption: Option = { flags: '--limit <count>', summary: 'how many at most', default: '100' };

/** `coco transaction list`, `watch` and `looks`: private transactions, as far as the caller may see them. */
export const listVerbs: readonly Verb[] = [
  {
    name: 'list',
    summary: 'Your private transactions; those of others are not there',
    example: 'transaction list --party mill --limit 20',
    options: [
      limitOption,
      { flags: '--oldest', summary: 'oldest first' },
      { flags: '--to <time>', summary: 'before this, ISO 8601' },
      ...filterOptions,
      { flags: '--map <name>', summary: 'that wrote --row of this map' },
      { flags: '--row <key>', summary: 'see --map' },
      { flags: '--grant <id>', summary: 'what a grant opens to you; the look is recorded' },
      ...connectionOptions,
    ],
    run: listAll,
  },
  {
    name: 'watch',
    summary: 'Your private transactions as they are committed, until Ctrl-C',
    example: 'transaction watch --party mill',
    options: [
      { flags: '--cursor <cursor>', summary: 'go on after this event of an earlier watch' },
      ...filterOptions,
      ...connectionOptions,
    ],
    run: watch,
  },
  {
    name: 'looks',
    summary: 'Who looked at what you may see, by a grant; the newest first',
    example: 'transaction looks --limit 20',
    options: [limitOption, ...connectionOptions],
    run: listLooks,
  },
];

async function listAll(input: Input, io: Io): Promise<Outcome> {
  const most = limitOf(input);
  const row = input.text('row');
  const filter: TransactionFilter = {
    ...filterOf(input, ['from', 'to', 'endpoint', 'by', 'party', 'map', 'grant']),
    ...(row === undefined ? {} : { key: row }),
    ...(input.flag('oldest') ? { order: 'oldest' } : {}),
    limit: Math.min(Math.max(most, 1), 1000),
  };
  const found = await withSession(input, io, (session) => first(most, privateTransactions(session, filter)));
  return { ok: true, json: found, text: found.length === 0 ? 'none' : columns(found.map(cellsOf)) };
}

async function listLooks(input: Input, io: Io): Promise<Outcome> {
  const most = limitOf(input);
  const found = await withSession(input, io, (session) => first(most, looks(session)));
  const rows = found.map(({ asked, audience, by, grant, shown, time }) => [
    time,
    grant,
    by,
    audience.readers.join(' '),
    counted(shown, 'transaction'),
    asked,
  ]);
  return { ok: true, json: found, text: rows.length === 0 ? 'none' : columns(rows) };
}

function limitOf(input: Input): number {
  const most = input.whole('limit') ?? 100;
  if (most === 0) throw new CliError('Usage', '--limit is at least 1');
  return most;
}

async function first<T>(most: number, items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) {
    if (found.push(item) >= most) break;
  }
  return found;
}

async function watch(input: Input, io: Io): Promise<Outcome> {
  const cursor = input.text('cursor');
  const options = {
    ...filterOf(input, ['from', 'endpoint', 'by', 'party']),
    ...(cursor === undefined ? {} : { cursor }),
  };
  const stop = new AbortController();
  void io.untilStopped().then(() => stop.abort());
  let last = cursor;
  await withSession(input, io, async (session) => {
    for await (const event of transactionEvents(session, { ...options, signal: stop.signal })) {
      last = event.cursor;
      io.progress(cellsOf(event.transaction).join('  '));
    }
  });
  return { ok: true, json: { cursor: last }, text: last === undefined ? '' : `--cursor ${last}` };
}

function filterOf<const N extends keyof TransactionFilter>(
  input: Input,
  names: readonly N[],
): { [K in N]?: string } {
  const given = names.map((name) => [name, input.text(name)] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as { [K in N]?: string };
}

function cellsOf({ reference, time, endpoint, by, audiences, undone_by }: Shown): string[] {
  const readers = [...new Set(audiences.flatMap(({ readers }) => readers))].join(' ');
  const undone = undone_by === null ? '' : `undone by ${undone_by}`;
  return [reference, time, endpoint, by ?? '', readers, undone];
}

import {
  type Answer,
  awaitCommit,
  formatName,
  historical,
  isOk,
  parseName,
  type Request,
  signedRequest,
  submit,
  textOf,
  transactionIdOf,
  transactionStatus,
} from '@coco/client';
import { formatTxId } from '@coco/ledger';
import type { Input, Io, Noun, Option, Outcome } from '../command.ts';
import {
  type Connection,
  connectionOf,
  connectionOptions,
  signerOf,
  withConnection,
  withSession,
} from '../connection.ts';
import { CliError } from '../errors.ts';
import { readValue, writeFile } from '../files.ts';
import { facts } from '../text.ts';
import { listVerbs } from './transaction-list.ts';

const headerOption: Option = {
  flags: '--header <line>',
  summary: '"name: value" (repeatable)',
  repeats: true,
};
const waitOption: Option = { flags: '--wait <seconds>', summary: 'how long to wait', default: '10' };

/** `coco transaction`: writing, and following what becomes of it. */
export const transaction: Noun = {
  verbs: [
    {
      name: 'submit',
      arguments: '<method> <path>',
      summary: 'Send a write and wait until it is committed',
      example: `transaction submit POST /app/log/private --data '{"id": 42}' --receipt receipt.json`,
      options: [
        { flags: '--data <body>', summary: 'the body: text, @file, or @- for standard input' },
        { flags: '--content-type <type>', summary: 'of the body', default: 'application/json' },
        headerOption,
        { flags: '--receipt <file>', summary: 'also fetch the receipt, verify it, and write it here' },
        { flags: '--sign', summary: 'sign the body with --cert and --key, for contracts that ask for it' },
        { flags: '--idempotency-key <key>', summary: 'lets an interrupted write be sent again' },
        waitOption,
        ...connectionOptions,
      ],
      run: submitWrite,
    },
    {
      name: 'status',
      arguments: '<transaction>',
      summary: 'What has become of a transaction',
      example: 'transaction status 2.35',
      options: connectionOptions,
      run: async (input, io) => {
        const name = parseName(input.argument(0));
        const status = await withSession(input, io, (session) => transactionStatus(session, name));
        return told(formatName(name), status, status !== 'Invalid');
      },
    },
    {
      name: 'wait',
      arguments: '<transaction>',
      summary: 'Wait until a transaction is committed, or can never be',
      example: 'transaction wait 2.35 --wait 30',
      options: [waitOption, ...connectionOptions],
      run: async (input, io) => {
        const name = parseName(input.argument(0));
        const options = { waitMs: waitMsOf(input) };
        const status = await withSession(input, io, (session) => awaitCommit(session, name, options));
        return told(formatName(name), status, status === 'Committed');
      },
    },
    {
      name: 'get',
      arguments: '<path>',
      summary: 'Read from a contract, now or as it was at a transaction',
      example: `transaction get '/app/log/private?id=42' --at 2.35`,
      options: [
        {
          flags: '--at <transaction>',
          summary: 'ask a historical endpoint for the state at this transaction',
        },
        headerOption,
        waitOption,
        ...connectionOptions,
      ],
      run: read,
    },
    ...listVerbs,
  ],
};

async function submitWrite(input: Input, io: Io): Promise<Outcome> {
  const file = input.text('receipt');
  const connection = connectionOf(input, io);
  const request = await requestOf(input, io, connection);
  const options = { receipt: file !== undefined, waitMs: waitMsOf(input) };
  const result = await withConnection(connection, io, (session) => submit(session, request, options));
  const receipt = result.outcome === 'Committed' ? result.receipt : undefined;
  if (file !== undefined && receipt !== undefined) {
    writeFile(io, file, `${JSON.stringify(receipt.receipt, null, 2)}\n`);
  }
  const transactionId = 'transaction' in result ? result.transaction : undefined;
  const { answer, outcome } = result;
  return {
    ok: outcome === 'Committed' || outcome === 'Unrecorded',
    json: { outcome, transactionId, status: answer.status, body: bodyOf(answer), receipt: receipt?.receipt },
    text: facts([
      ['outcome', outcome],
      ['transaction', transactionId],
      ['answer', `${answer.status} ${textOf(answer)}`.trim()],
      ['receipt', receipt === undefined ? undefined : `verified, written to ${file}`],
    ]),
  };
}

async function requestOf(input: Input, io: Io, connection: Connection): Promise<Request> {
  const method = input.argument(0).toUpperCase();
  const path = pathOf(input.argument(1));
  const data = input.text('data');
  const body = data === undefined ? undefined : await readValue(io, data);
  const key = input.text('idempotencyKey');
  const keyed = key === undefined ? {} : { idempotencyKey: key };
  if (input.flag('sign')) {
    const dated = { createdAt: Math.floor(Date.now() / 1000) };
    const content = { method, path, payload: body ?? new Uint8Array() };
    return { ...(await signedRequest(signerOf(connection), content, dated)), ...keyed };
  }
  const typed = body === undefined ? {} : { 'content-type': input.text('contentType') ?? 'application/json' };
  const headers = { ...typed, ...headersOf(input) };
  return { method, path, headers, ...(body === undefined ? {} : { body }), ...keyed };
}

async function read(input: Input, io: Io): Promise<Outcome> {
  const path = pathOf(input.argument(0));
  const at = input.text('at');
  const answer = await withSession(input, io, (session) =>
    at === undefined
      ? session.request({ method: 'GET', path, headers: headersOf(input) })
      : historical(session, path, parseName(at), { waitMs: waitMsOf(input) }),
  );
  const txId = transactionIdOf(answer);
  return {
    ok: isOk(answer),
    json: {
      status: answer.status,
      transactionId: txId === undefined ? undefined : formatTxId(txId),
      headers: answer.headers,
      body: bodyOf(answer),
    },
    text: isOk(answer) ? textOf(answer) : `${answer.status} ${textOf(answer)}`.trim(),
  };
}

function told(transactionId: string, status: string, ok: boolean): Outcome {
  return { ok, json: { transactionId, status }, text: `${transactionId} ${status}` };
}

/** JSON where it is JSON, text otherwise. */
function bodyOf(answer: Answer): unknown {
  const text = textOf(answer);
  if (answer.headers['content-type']?.includes('json') !== true) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function pathOf(path: string): string {
  if (path.startsWith('/')) return path;
  throw new CliError('Usage', `the path starts with a slash: /${path}`);
}

function headersOf(input: Input): Record<string, string> {
  const entries = input.texts('header').map((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new CliError('Usage', `--header takes "name: value", not ${line}`);
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  return Object.fromEntries(entries);
}

function waitMsOf(input: Input): number {
  return (input.whole('wait') ?? 10) * 1000;
}

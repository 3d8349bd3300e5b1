// Requests recorded from a running CCF are sent to a service of ours that is set up alike; status, headers, error codes and
// the shape of every body must be the same, save where the table of differences says why not.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { submit } from '@coco/client';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { type Service, startService } from '../workloads/service.ts';

const recorded = join(import.meta.dirname, '../../../shared/data/ccf-wire/js');

interface Exchange {
  readonly name: string;
  readonly client?: string;
}

/** Recorded exchanges that are answered otherwise, and why. See docs/ccf-compatibility.md. */
const differences: Readonly<Record<string, string>> = {
  app_receipt_uncommitted:
    'a lone write is committed within milliseconds: there is no pending one to ask for',
  app_multi_auth_usercose: 'the recorded envelope is signed by a user whose key is not ours',
};

/** Sent by members whose keys are not ours; packages/governance replays those against its own members. */
const needsRecordedKeys = /^(gov_|prop_|cose_|recover_)/;

const recordedIds = { private: '2.20', public: '2.21', signature: '2.22' };

describe('requests recorded from CCF', {
  skip: existsSync(recorded) ? false : `${recorded} is not present`,
}, () => {
  let service: Service;
  const ids = new Map<string, string>();

  before(async () => {
    service = await startService({ bundle: await recordedBundle() });
    const session = service.session(0);
    const write = async (path: string, json: object): Promise<string> => {
      const done = await submit(session, { method: 'POST', path, json });
      assert.ok(done.outcome === 'Committed');
      return done.transaction ?? '';
    };
    // The recorded range ends at 20: there must be as many.
    for (let i = 0; i < 10; i++) await write('/app/log/private', { id: 100 + i, msg: 'before' });
    ids.set(recordedIds.private, await write('/app/log/private', { id: 42, msg: 'private hello' }));
    const claim = { id: 43, msg: 'public with claim', record_claim: true };
    const publicId = await write('/app/log/public', claim);
    ids.set(recordedIds.public, publicId);
    const [view, seqno] = publicId.split('.');
    ids.set(recordedIds.signature, `${view}.${Number(seqno) + 1}`);
  });

  after(async () => {
    await service?.[Symbol.asyncDispose]();
  });

  const exchanges = existsSync(recorded)
    ? (JSON.parse(readFileSync(join(recorded, 'index.json'), 'utf8')) as Exchange[])
    : [];
  for (const { name, client = 'none' } of exchanges) {
    if (needsRecordedKeys.test(name) || name in differences || !existsSync(join(recorded, `${name}.req`)))
      continue;
    test(name, async () => {
      const request = substitute(readFileSync(join(recorded, `${name}.req`), 'latin1'), ids);
      const expected = parse(readFileSync(join(recorded, `${name}.res`), 'latin1'));
      const actual = await settled(service, request, client, expected.status);
      assert.equal(actual.status, expected.status, actual.body);
      assert.deepEqual(comparableHeaders(actual, name), comparableHeaders(expected, name));
      assert.deepEqual(shape(actual.body), shape(expected.body));
    });
  }

  test('every difference named is of a recorded exchange', () => {
    for (const name of Object.keys(differences))
      assert.ok(
        exchanges.some((exchange) => exchange.name === name),
        name,
      );
  });
});

/** A recorded 200 of a historical read came after 202s that were not kept. */
async function settled(service: Service, request: string, client: string, expected: number): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const answer = await send(service, request, client);
    if (answer.status !== 202 || expected === 202 || attempt > 100) return answer;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function send(service: Service, request: string, client: string): Promise<Answer> {
  const { users, members } = service.workspace;
  const person = client.startsWith('user') ? users[0] : client.startsWith('member') ? members[0] : undefined;
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      host: '127.0.0.1',
      port: service.port,
      ca: service.certificate,
      checkServerIdentity: () => undefined,
      ...(person ? { cert: readFileSync(person.cert), key: readFileSync(person.key) } : {}),
    });
    let text = '';
    const finish = (): void => {
      socket.destroy();
      resolve(parse(text));
    };
    socket.on('error', reject);
    socket.on('end', finish);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const from = text.startsWith('HTTP/1.1 100') ? text.indexOf('\r\n\r\n') + 4 : 0;
      const head = text.indexOf('\r\n\r\n', from);
      if (head < 0) return;
      const length = request.startsWith('HEAD')
        ? 0
        : Number(/content-length: (\d+)/.exec(text.slice(from, head))?.[1] ?? 0);
      if (text.length >= head + 4 + length) finish();
    });
    socket.write(request, 'latin1');
  });
}

function parse(text: string): Answer {
  const start = text.startsWith('HTTP/1.1 100') ? text.indexOf('\r\n\r\n') + 4 : 0;
  const end = text.indexOf('\r\n\r\n', start);
  const [first = '', ...lines] = text.slice(start, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(first.split(' ')[1]), headers, body: text.slice(end + 4) };
}

function substitute(request: string, ids: ReadonlyMap<string, string>): string {
  let text = request;
  for (const [theirs, ours] of ids) text = text.replaceAll(theirs, ours);
  return text;
}

/** Which headers there are, and the values of those that do not depend on the service. */
function comparableHeaders({ headers }: Answer, name: string): Record<string, string> {
  const varying = new Set(['content-length', 'x-ms-ccf-transaction-id', 'location']);
  const entries = Object.entries(headers)
    .filter(([header]) => header !== 'connection' && !(name === 'conn_close' && header === 'connection'))
    .map(([header, value]) => [header, varying.has(header) ? '' : value] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const varying: readonly [RegExp, string][] = [
  [/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n?/g, 'PEM'],
  [/[0-9a-f]{64}/g, 'HEX'],
  [/\b\d+\.\d+\b/g, 'TX'],
  [/127\.0\.0\.1:\d+/g, 'ADDRESS'],
];

/** Which side a proof step stands on depends on the place in the ledger. */
const sideOf = (key: string): string => (key === 'left' || key === 'right' ? 'left or right' : key);

function neutral(text: string): string {
  return varying.reduce((result, [pattern, by]) => result.replaceAll(pattern, by), text);
}

/** A body as its shape: keys, types, and the texts that are the same for every service. */
function shape(body: string): unknown {
  try {
    return shapeOf(JSON.parse(body));
  } catch {
    // What comes after the first line of a text names details of the service's own parser.
    return neutral(body.split(/[\n(]/)[0] ?? '');
  }
}

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        neutral(sideOf(key)),
        isWord(key) ? shapeOfWord(each) : shapeOf(each),
      ]),
    );
  }
  return typeof value;
}

/** Fields whose texts clients act upon. */
const isWord = (key: string): boolean =>
  ['code', 'message', 'status', 'state', 'service_status', 'msg', 'auth_policy'].includes(key);

function shapeOfWord(value: unknown): unknown {
  return typeof value === 'string' ? neutral(value) : shapeOf(value);
}

/** The app that was recorded: the logging sample, and an echo. */
async function recordedBundle() {
  const { bundle } = await buildBundle(join(import.meta.dirname, '../../samples/contracts/logging'));
  const echo = {
    js_module: 'compute.js',
    js_function: 'echo',
    forwarding_required: 'sometimes',
    redirection_strategy: 'none',
    authn_policies: ['no_auth'],
    mode: 'readwrite',
    openapi: {},
  };
  const source = `export function echo(request) {
    const { query, params, method, path, url, route, hostname, caller, body } = request;
    return {
      statusCode: 201,
      headers: { 'x-app': 'yes' },
      body: { query, params, method, path, url, route, host: hostname, caller: caller.policy, text: body.text() },
    };
  }`;
  return {
    metadata: { endpoints: { ...bundle.metadata.endpoints, '/compute/echo/{x}': { post: echo } } },
    modules: [...bundle.modules, { name: 'compute.js', module: source }],
  } as typeof bundle;
}

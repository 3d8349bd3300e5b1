import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parseCertificate } from '@coco/crypto';
import { encodeEntry, LedgerSecrets } from '@coco/ledger';
import type { Effect, Event } from '@coco/node';
import { parseConfiguration } from '../configuration/configuration.ts';
import { HostError } from '../errors.ts';
import { Client, minimalConfiguration, plain, type RequestEvent, selfSigned } from '../testing/door.ts';
import { Daemon, type MakeNode, type NodeInputs } from './daemon.ts';
import type { Log, LogLevel } from './log.ts';

const secrets = new LedgerSecrets();
secrets.add(1, new Uint8Array(32).fill(7));
const entry = (seqno: number) =>
  encodeEntry({ view: 2, seqno, writeSet: new Map([['public:t', new Map([['k', `${seqno}`]])]]) }, secrets)
    .bytes;

/** A directory with the files that a configuration names, and the configuration. */
function workspace(t: TestContext, more: Record<string, unknown> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'coco-daemon-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const at = (name: string) => join(directory, name);
  writeFileSync(at('a.js'), 'export const a = 1;');
  writeFileSync(at('b.js'), 'export const b = 2;');
  writeFileSync(at('member.pem'), selfSigned('member').certificatePem);
  writeFileSync(at('data.json'), '{"name": "first"}');
  const declared = {
    ...minimalConfiguration({ endorsement: { authority: 'Unsecured' }, published_address: 'node.example:0' }),
    command: {
      type: 'Start',
      service_certificate_file: at('service.pem'),
      start: {
        constitution_files: [at('a.js'), at('b.js')],
        members: [{ certificate_file: at('member.pem'), data_json_file: at('data.json') }],
      },
    },
    ledger: { directory: at('ledger') },
    snapshots: { directory: at('snapshots') },
    output_files: {
      pid_file: at('node.pid'),
      node_certificate_file: at('node.pem'),
      node_to_node_address_file: at('n2n'),
      rpc_addresses_file: at('rpc.json'),
    },
    ...more,
  };
  return { at, configuration: parseConfiguration(JSON.stringify(declared), 'test') };
}

/** A stand-in for the node: writes one entry for each POST and answers it when the entry is durable. */
function standIn(respond?: (event: RequestEvent) => Effect[]) {
  const events: Event[] = [];
  const waiting: RequestEvent[] = [];
  let inputs: NodeInputs | undefined;
  let seqno = 0;
  let stops = 0;
  const answer = (event: Event): Effect[] => {
    events.push(event);
    if (event.kind === 'appended') {
      return waiting.splice(0).map(({ id }) => ({ kind: 'respond', id, response: plain(`${event.seqno}`) }));
    }
    if (event.kind === 'stop') {
      stops += 1;
      if (inputs?.config.ignore_first_sigterm && stops === 1) return [];
      return [{ kind: 'exit', code: 0, reason: 'told to stop' }];
    }
    if (event.kind !== 'request') return [];
    if (respond) return respond(event);
    if (event.request.method !== 'POST') return [{ kind: 'respond', id: event.id, response: plain('read') }];
    waiting.push(event);
    seqno += 1;
    return [{ kind: 'append', from: seqno, entries: [entry(seqno)], endsChunk: false, mayWait: false }];
  };
  const make: MakeNode = (given) => {
    inputs = given;
    return { step: (batch) => batch.flatMap(answer), effects: [] };
  };
  return { make, events, inputs: () => inputs! };
}

function memoryLog() {
  const lines: [LogLevel, string, string][] = [];
  const log: Log = { write: (...line) => lines.push(line) };
  return { log, text: () => lines.map((line) => line.join(' ')).join('\n') };
}

async function client(daemon: Daemon): Promise<Client> {
  const { port } = daemon.address('main')!;
  const socket = connect({ port, host: '127.0.0.1' });
  await new Promise((resolve) => socket.once('connect', resolve));
  return new Client(socket);
}

const post = 'POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n';

describe('a daemon', () => {
  test('gives the node the files and the addresses bound, and writes its own files', async (t) => {
    const { at, configuration } = workspace(t);
    const { log } = memoryLog();
    const node = standIn();
    const daemon = new Daemon(configuration, log);
    await daemon.start(node.make);
    const { port } = daemon.address('main')!;
    const { config, files, lastEntry } = node.inputs();
    assert.equal(files.constitution, 'export const a = 1;\nexport const b = 2;');
    assert.deepEqual(files.members[0]!.data, { name: 'first' });
    assert.equal(files.members[0]!.encryptionPublicKeyPem, null);
    assert.equal(lastEntry, 0);
    const rpc = config.network.rpc_interfaces.main!;
    assert.equal(rpc.bind_address, `127.0.0.1:${port}`);
    assert.equal(rpc.published_address, `node.example:${port}`);
    assert.deepEqual(rpc.declared, {
      endorsement: { authority: 'Unsecured' },
      bind_address: `127.0.0.1:${port}`,
      published_address: `node.example:${port}`,
    });
    assert.equal(readFileSync(at('node.pid'), 'utf8'), String(process.pid));
    assert.deepEqual(JSON.parse(readFileSync(at('rpc.json'), 'utf8')), { main: `127.0.0.1:${port}` });
    assert.match(readFileSync(at('n2n'), 'utf8'), /^127\.0\.0\.1:\d+$/);
    daemon.stop('SIGTERM');
    assert.equal(await daemon.ended, 0);
    assert.equal(existsSync(at('node.pid')), false);
  });

  test('carries out what the node asks, and ticks', async (t) => {
    const { at, configuration } = workspace(t);
    const { log, text } = memoryLog();
    const node = standIn(({ id }) => [
      { kind: 'output', file: 'service-certificate', text: 'S' },
      { kind: 'output', file: 'node-certificate', text: 'N' },
      { kind: 'log', level: 'info', source: 'app', message: 'hello' },
      { kind: 'write-snapshot', name: 'snapshot_1_2', bytes: new Uint8Array([1, 2]) },
      { kind: 'commit-snapshot', name: 'snapshot_1_2', receipt: new Uint8Array([3]) },
      {
        kind: 'fetch',
        id: 7,
        url: 'http://127.0.0.1/',
        method: 'GET',
        headers: {},
        body: null,
        caPem: '',
        presentsNode: false,
      },
      { kind: 'respond', id, response: plain('done') },
    ]);
    const daemon = new Daemon(configuration, log);
    await daemon.start(node.make);
    const asking = await client(daemon);
    asking.send(post);
    await asking.responses(1);
    while (
      !['tick', 'snapshotted', 'fetched'].every((kind) => node.events.some((event) => event.kind === kind))
    ) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    daemon.stop('SIGINT');
    assert.equal(await daemon.ended, 0);
    assert.equal(readFileSync(at('service.pem'), 'utf8'), 'S');
    assert.equal(readFileSync(at('node.pem'), 'utf8'), 'N');
    assert.match(text(), /info app hello/);
    assert.deepEqual(readdirSync(at('snapshots')), ['snapshot_1_2.committed']);
    assert.deepEqual([...readFileSync(at('snapshots/snapshot_1_2.committed'))], [1, 2, 3]);
    const fetched = node.events.find((event) => event.kind === 'fetched');
    assert.deepEqual(fetched, {
      kind: 'fetched',
      id: 7,
      result: { error: 'http://127.0.0.1/: only https is fetched' },
    });
    const tick = node.events.find((event) => event.kind === 'tick' && event.host);
    assert.ok(tick?.kind === 'tick' && tick.host!.memory.limit > 0 && tick.host!.sessions.interfaces.main);
    assert.equal(
      node.events.at(-1)!.kind === 'stop' || node.events.some(({ kind }) => kind === 'stop'),
      true,
    );
  });

  test('answers and flushes what was taken before it ends', async (t) => {
    const { at, configuration } = workspace(t);
    const daemon = new Daemon(configuration, memoryLog().log);
    await daemon.start(standIn().make);
    const asking = await client(daemon);
    asking.send(post + post + post);
    while (!existsSync(at('ledger/ledger_1'))) await new Promise((resolve) => setImmediate(resolve));
    daemon.stop('SIGTERM');
    assert.equal(await daemon.ended, 0);
    assert.equal((await asking.untilClosed()).match(/200 OK/g)?.length, 3);
    assert.deepEqual(readdirSync(at('ledger')), ['ledger_1']);
    assert.equal(
      readFileSync(at('ledger/ledger_1')).length,
      8 + entry(1).length + entry(2).length + entry(3).length,
    );
  });

  test('told to ignore the first SIGTERM passes it on and stops at the second', async (t) => {
    const { configuration } = workspace(t, { ignore_first_sigterm: true });
    const node = standIn();
    const daemon = new Daemon(configuration, memoryLog().log);
    await daemon.start(node.make);
    daemon.stop('SIGTERM');
    const asking = await client(daemon);
    asking.send('GET / HTTP/1.1\r\n\r\n');
    await asking.responses(1);
    assert.equal(node.events.filter(({ kind }) => kind === 'stop').length, 1);
    daemon.stop('SIGTERM');
    assert.equal(await daemon.ended, 0);
  });

  test('stops at once at a second signal, though a request is never answered', async (t) => {
    const { configuration } = workspace(t);
    const node = standIn(() => []);
    const daemon = new Daemon(configuration, memoryLog().log);
    await daemon.start(node.make);
    const asking = await client(daemon);
    asking.send(post);
    while (!node.events.some(({ kind }) => kind === 'request'))
      await new Promise((resolve) => setImmediate(resolve));
    daemon.stop('SIGTERM');
    daemon.stop('SIGTERM');
    assert.equal(await daemon.ended, 1);
    // In a process that is the end; here what is left must go of itself.
    asking.socket.resetAndDestroy();
  });

  test('ends with the code and reason the node gives', async (t) => {
    const { configuration } = workspace(t);
    const { log, text } = memoryLog();
    const daemon = new Daemon(configuration, log);
    await daemon.start(standIn(() => [{ kind: 'exit', code: 3, reason: 'the ledger forked' }]).make);
    const asking = await client(daemon);
    asking.send(post);
    assert.equal(await daemon.ended, 3);
    assert.match(text(), /fatal host the ledger forked/);
    assert.equal(await asking.untilClosed(), '');
  });

  test('ends when the node breaks, after flushing what was decided before', async (t) => {
    const { at, configuration } = workspace(t);
    const { log, text } = memoryLog();
    let asked = 0;
    const daemon = new Daemon(configuration, log);
    await daemon.start(
      standIn(() => {
        asked += 1;
        if (asked === 2) throw new Error('assertion failed');
        return [{ kind: 'append', from: 1, entries: [entry(1)], endsChunk: false, mayWait: false }];
      }).make,
    );
    const asking = await client(daemon);
    asking.send(post);
    while (asked === 0) await new Promise((resolve) => setImmediate(resolve));
    asking.send(post);
    assert.equal(await daemon.ended, 1);
    assert.match(text(), /fatal host Error: assertion failed/);
    assert.equal(readFileSync(at('ledger/ledger_1')).length, 8 + entry(1).length);
    assert.equal(await asking.untilClosed(), '', 'no answer is given by a node that broke');
  });

  test('ends when the ledger cannot be written, and the client is told nothing', async (t) => {
    const { at, configuration } = workspace(t);
    const { log, text } = memoryLog();
    const daemon = new Daemon(configuration, log);
    await daemon.start(standIn().make);
    writeFileSync(at('ledger/ledger_1'), 'in the way');
    const asking = await client(daemon);
    asking.send(post);
    assert.equal(await daemon.ended, 1);
    assert.match(text(), /fatal host ledger directory .*EEXIST/);
    assert.equal(await asking.untilClosed(), '');
  });

  test('serves metrics when asked to', async (t) => {
    const { configuration } = workspace(t, { coco: { metrics_address: '127.0.0.1:0' } });
    const { log, text } = memoryLog();
    const daemon = new Daemon(configuration, log);
    await daemon.start(standIn().make);
    const port = Number(/metrics are served on 127\.0\.0\.1:(\d+)/.exec(text())?.[1]);
    const page = await new Promise<string>((resolve) => {
      httpGet({ port, host: '127.0.0.1', path: '/metrics' }, (response) => {
        let received = '';
        response.on('data', (piece) => {
          received += piece;
        });
        response.on('end', () => resolve(received));
      });
    });
    assert.match(page, /# TYPE coco_requests_total counter\ncoco_requests_total \d+\n/);
    assert.match(page, /coco_sessions\{interface="main"\} 0\n/);
    assert.match(page, /coco_event_loop_stall_seconds\{quantile="0.99"\} [\d.e-]+\n/);
    daemon.stop('SIGTERM');
    assert.equal(await daemon.ended, 0);
  });
});

test('two daemons carry messages between their nodes', async (t) => {
  const start = async (name: string) => {
    const { at, configuration } = workspace(t);
    const identity = selfSigned(name);
    const events: Event[] = [];
    const asked: Effect[] = [{ kind: 'identity', authority: 'Node', ...identity }];
    const step = (batch: readonly Event[]) => {
      events.push(...batch);
      return asked.splice(0);
    };
    const daemon = new Daemon(configuration, memoryLog().log);
    await daemon.start(() => ({ step, effects: [] }));
    const { id } = parseCertificate(identity.certificatePem).publicKey;
    const heard = async (event: Event) => {
      while (!events.some((one) => isDeepStrictEqual(one, event))) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    return { daemon, asked, heard, id, address: readFileSync(at('n2n'), 'utf8') };
  };
  const [a, b] = [await start('a'), await start('b')];
  a.asked.push({ kind: 'peers', nodes: [b] });
  b.asked.push({ kind: 'peers', nodes: [a] });
  await b.heard({ kind: 'channel', id: a.id, state: 'up' });
  const message = new Uint8Array([1, 2, 3]);
  b.asked.push({ kind: 'send', to: a.id, message });
  await a.heard({ kind: 'received', from: b.id, message });
  b.daemon.stop('SIGTERM');
  assert.equal(await b.daemon.ended, 0);
  await a.heard({ kind: 'channel', id: b.id, state: 'down' });
  a.daemon.stop('SIGTERM');
  assert.equal(await a.daemon.ended, 0);
});

describe('a daemon does not start', () => {
  const starting = async (t: TestContext, change: (at: (name: string) => string) => void, more = {}) => {
    const { at, configuration } = workspace(t, more);
    change(at);
    await new Daemon(configuration, memoryLog().log).start(standIn().make);
  };

  for (const [what, message, change] of [
    ['without a constitution', /b\.js: cannot be read/, (at) => rmSync(at('b.js'))],
    [
      'with member data that is not JSON',
      /data\.json: is not JSON/,
      (at) => writeFileSync(at('data.json'), '{'),
    ],
  ] as [string, RegExp, (at: (name: string) => string) => void][]) {
    test(what, async (t) => {
      await assert.rejects(starting(t, change), { code: 'File', message });
    });
  }

  test('where another listens', async (t) => {
    const { configuration } = workspace(t);
    const first = new Daemon(configuration, memoryLog().log);
    await first.start(standIn().make);
    const { port } = first.address('main')!;
    const network = minimalConfiguration({ bind_address: `127.0.0.1:${port}` }).network;
    await assert.rejects(
      starting(t, () => {}, { network }),
      {
        code: 'Listen',
        message: new RegExp(`rpc interface main: cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`),
      },
    );
    first.stop('SIGTERM');
    assert.equal(await first.ended, 0);
  });

  test('a new service where there is a ledger', async (t) => {
    const { configuration } = workspace(t);
    const first = new Daemon(configuration, memoryLog().log);
    await first.start(standIn().make);
    const asking = await client(first);
    asking.send(post);
    await asking.responses(1);
    first.stop('SIGTERM');
    await first.ended;
    const again = new Daemon(configuration, memoryLog().log);
    await assert.rejects(again.start(standIn().make), {
      code: 'Ledger',
      message: /holds the ledger of a service: to go on with it use the command Recover/,
    });
  });

  test('on a directory that another process holds, but on one whose process is gone', async (t) => {
    const { at, configuration } = workspace(t);
    const first = new Daemon(configuration, memoryLog().log);
    await first.start(standIn().make);
    const lock = readFileSync(at('ledger/node.lock'), 'utf8');
    first.stop('SIGTERM');
    await first.ended;
    // The parent of this process lives as long as the test does.
    const { host } = JSON.parse(lock) as { host: string };
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const second = new Daemon(configuration, memoryLog().log);
    writeFileSync(at('ledger/node.lock'), JSON.stringify({ host, pid: process.ppid, started }));
    await assert.rejects(second.start(standIn().make), (error) => {
      return (
        error instanceof HostError &&
        error.code === 'Locked' &&
        error.message.includes(`"pid":${process.ppid}`)
      );
    });
    for (const gone of [
      { host, pid: process.ppid, started: `${started}0` },
      { host, pid: 2 ** 22 + 1, started: '1' },
    ]) {
      writeFileSync(at('ledger/node.lock'), JSON.stringify(gone));
      const third = new Daemon(configuration, memoryLog().log);
      await third.start(standIn().make);
      third.stop('SIGTERM');
      assert.equal(await third.ended, 0);
    }
  });
});

// A closed loop over TLS: every connection sends its next request when the answer to the last one is in, and every
// answer is checked. Run as a process of its own, so that it does not share a core with what it loads.
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';

/** One exchange of a workload: the bytes to send and what must come back. */
export interface Exchange {
  readonly request: Buffer;
  /** Throws when the answer is wrong; gets status line, headers and body as latin1. */
  check(status: number, head: string, body: string): void;
}

/** What to do on connection `connection` as its `turn`-th exchange. */
export type Workload = (connection: number, turn: number) => Exchange;

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  /** PEM of the service certificate; the connection is refused when the server's does not chain to it. */
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Sends requests for a while; rejects on the first wrong answer. */
export async function runLoad(workload: Workload, options: LoadOptions): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => open(options)));
  const latencies: number[] = [];
  const start = process.hrtime.bigint();
  const end = start + BigInt(Math.round(options.seconds * 1e9));
  try {
    await Promise.all(sockets.map((socket, i) => drive(socket, i, workload, end, latencies)));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { requests: latencies.length, perSecond: latencies.length / seconds, p50: at(0.5), p99: at(0.99) };
}

function open(options: LoadOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: options.host,
      port: options.port,
      ca: options.ca,
      ...(options.cert === undefined ? {} : { cert: options.cert }),
      ...(options.key === undefined ? {} : { key: options.key }),
      checkServerIdentity: () => undefined,
    });
    socket.setNoDelay(true);
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function drive(
  socket: TLSSocket,
  connection: number,
  workload: Workload,
  end: bigint,
  latencies: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    let turn = 0;
    let pending = '';
    let sent = process.hrtime.bigint();
    let exchange = workload(connection, turn++);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed a connection under load')));
    socket.on('data', (chunk: Buffer) => {
      pending = pending === '' ? chunk.toString('latin1') : pending + chunk.toString('latin1');
      const answer = parseAnswer(pending);
      if (!answer) return;
      pending = pending.slice(answer.length);
      const now = process.hrtime.bigint();
      latencies.push(Number(now - sent) / 1000);
      try {
        exchange.check(answer.status, answer.head, answer.body);
      } catch (error) {
        reject(error);
        return;
      }
      if (now >= end) {
        socket.removeAllListeners('close');
        resolve();
        return;
      }
      exchange = workload(connection, turn++);
      sent = now;
      socket.write(exchange.request);
    });
    socket.write(exchange.request);
  });
}

function parseAnswer(text: string): { status: number; head: string; body: string; length: number } | null {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const head = text.slice(0, headEnd);
  const mark = head.indexOf('content-length: ');
  const length = mark < 0 ? 0 : Number.parseInt(head.slice(mark + 16), 10);
  const bodyStart = headEnd + 4;
  if (text.length < bodyStart + length) return null;
  const status = Number.parseInt(head.slice(9, 12), 10);
  return { status, head, body: text.slice(bodyStart, bodyStart + length), length: bodyStart + length };
}

const messageOf = (connection: number, turn: number) => ({
  id: (connection * 1000 + (turn % 1000)) % 100_000,
  msg: `a small message of connection ${connection}`,
});

function postMessage(connection: number, turn: number): Exchange {
  return post('/app/log/private/anonymous', messageOf(connection, turn));
}

/** The same small write at one of the endpoints that differ only in who may see it. */
function postTo(path: string): Workload {
  return (connection, turn) => {
    const { id, msg } = messageOf(connection, turn);
    return post(path, { id: `${id}`, msg });
  };
}

function post(path: string, message: object): Exchange {
  const body = JSON.stringify(message);
  return {
    request: Buffer.from(
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    ),
    check(status, head, answer) {
      if (status !== 200 || answer !== 'true' || !head.includes('x-ms-ccf-transaction-id: ')) {
        throw new Error(`a write was answered ${status} ${answer}`);
      }
    },
  };
}

function get(path: string, expected: (body: string) => boolean): Workload {
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const exchange: Exchange = {
    request,
    check(status, _head, body) {
      if (status !== 200 || !expected(body))
        throw new Error(`${path} was answered ${status} ${body.slice(0, 200)}`);
    },
  };
  return () => exchange;
}

/** What each of several workloads came to, round by round. */
export interface TurnsResult {
  /** Answers a second, by workload. */
  readonly rounds: readonly Readonly<Record<string, number>>[];
}

/** A turn of a workload, and what passes before it: answers to the one before are not its own. Milliseconds. */
const turnMs = { length: 400, settling: 100 };

/**
 * Several workloads by turns, on the same connections to the same service: whatever else the machine does in a round, it does
 * to all of them. Who comes first changes from round to round.
 */
export async function runByTurns(names: readonly string[], options: LoadOptions): Promise<TurnsResult> {
  const rounds: Record<string, number>[] = [];
  let current = workloadOf(names[0] ?? '');
  let answers = 0;
  const counted: Workload = (connection, turn) => {
    const { request, check } = current(connection, turn);
    return {
      request,
      check(...answer) {
        check(...answer);
        answers++;
      },
    };
  };
  let ended = false;
  const loaded = runLoad(counted, options).finally(() => {
    ended = true;
  });
  while (!ended) {
    const round: Record<string, number> = {};
    for (const at of names.keys()) {
      const name = names[(at + rounds.length) % names.length] as string;
      current = workloadOf(name);
      await setTimeout(turnMs.settling);
      const [before, begun] = [answers, performance.now()];
      await setTimeout(turnMs.length);
      round[name] = ((answers - before) * 1000) / (performance.now() - begun);
    }
    if (!ended) rounds.push(round);
  }
  await loaded;
  return { rounds };
}

function workloadOf(name: string): Workload {
  const workload = workloads[name];
  if (!workload) throw new Error(`no workload ${name}`);
  return workload;
}

/** The workloads that a command line may name. */
export const workloads: Readonly<Record<string, Workload>> = {
  post: postMessage,
  plain: postTo('/app/plain'),
  ruled: postTo('/app/ruled'),
  sealed: postTo('/app/sealed'),
  get: get('/app/log/private/anonymous?id=7', (body) => body.includes('"msg"')),
  spin: get('/app/spin?iterations=200000', (body) => /^\d+$/.test(body)),
  wait: (connection, turn) => {
    const plain = postMessage(connection, turn);
    const text = plain.request
      .toString('latin1')
      .replace('host: x\r\n', 'host: x\r\nprefer: wait=5, receipt\r\n');
    return {
      request: Buffer.from(text, 'latin1'),
      check(status, head) {
        if (
          status !== 200 ||
          !head.includes('coco-transaction-status: Committed') ||
          !head.includes('coco-receipt: ')
        ) {
          throw new Error(`a write that waits was answered ${status}: ${head}`);
        }
      },
    };
  },
};

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as Omit<LoadOptions, 'ca'> & {
    caFile: string;
    workloads: string[];
  };
  const [first = '', ...others] = options.workloads;
  const how = { ...options, ca: readFileSync(options.caFile, 'utf8') };
  const result =
    others.length === 0 ? await runLoad(workloadOf(first), how) : await runByTurns(options.workloads, how);
  console.log(JSON.stringify(result));
}

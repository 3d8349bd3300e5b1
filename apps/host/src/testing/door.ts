import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { generateKeyPair, issueCertificate } from '@coco/crypto';
import type { Effect, Event, HttpResponse } from '@coco/node';
import { parseConfiguration } from '../configuration/configuration.ts';
import { type Identity, Listener } from '../http/listener.ts';
import { Turns } from '../turns.ts';

export type RequestEvent = Extract<Event, { kind: 'request' }>;

/** A certificate that vouches for itself, valid today. */
export function selfSigned(name: string): Identity {
  const key = generateKeyPair('P-256');
  const { pem } = issueCertificate({
    subject: `CN=${name}`,
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: Date.now() - 3_600_000,
    notAfter: Date.now() + 86_400_000,
    subjectAltNames: [{ ip: '127.0.0.1' }],
    serial: crypto.getRandomValues(new Uint8Array(16)),
  });
  return { certificatePem: pem, privateKeyPem: key.exportPem() };
}

/** What a request looked like to the node. */
export function describeRequest({ request }: RequestEvent): string {
  const { method, target, headers, body } = request;
  return JSON.stringify({ method, target, headers, body: Buffer.from(body).toString('latin1') });
}

/** A small answer. */
export function plain(text: string, more: Partial<HttpResponse> = {}): HttpResponse {
  return { status: 200, headers: [['content-type', 'text/plain']], body: text, ...more };
}

/** One listener on loopback with a stand-in for the node behind it. */
export class Door {
  readonly listener: Listener;
  readonly turns: Turns;
  /** Batches as the node got them. */
  readonly batches: Event[][] = [];
  readonly identity: Identity | null;
  #respond: (event: RequestEvent) => HttpResponse | null;

  private constructor(
    listener: (turns: Turns) => Listener,
    respond: (event: RequestEvent) => HttpResponse | null,
    identity: Identity | null,
  ) {
    this.#respond = respond;
    this.identity = identity;
    const fail = (error: unknown) => {
      throw error;
    };
    this.turns = new Turns(
      (events) => this.#step(events),
      () => {},
      fail,
    );
    this.listener = listener(this.turns);
  }

  /**
   * Opens a door. `fields` are those of an rpc interface, as the file writes them. A request that `respond`
   * answers with null is left unanswered until `answer`.
   */
  static async open(
    t: TestContext,
    fields: Record<string, unknown> = {},
    respond: (event: RequestEvent) => HttpResponse | null = (event) => plain(describeRequest(event)),
    idleMs: number | null = 60_000,
  ): Promise<Door> {
    const configuration = parseConfiguration(JSON.stringify(minimalConfiguration(fields)), 'test').network;
    const identity = JSON.stringify(fields).includes('Unsecured') ? null : selfSigned('server');
    const complain = (what: string) => assert.fail(what);
    const make = (sink: Turns) =>
      new Listener('main', configuration.rpc_interfaces.main!, { idleMs, sink, complain });
    const door = new Door(make, respond, identity);
    if (identity) door.listener.setIdentity('Service', identity);
    await door.listener.listen();
    t.after(() => {
      door.listener.destroy();
      return door.listener.shutdown();
    });
    return door;
  }

  /** Answers a request that was left unanswered. */
  answer(id: number, response: HttpResponse): void {
    this.turns.performAll([{ kind: 'respond', id, response }]);
  }

  /** Connects a client. */
  async connect(options: ConnectionOptions = {}): Promise<Client> {
    const { port } = this.listener.address!;
    const socket =
      this.identity === null
        ? connectTcp({ port, host: '127.0.0.1' })
        : connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    await once(socket, this.identity === null ? 'connect' : 'secureConnect');
    return new Client(socket);
  }

  /** Sends bytes over a new connection and answers everything that came back until the server closed it. */
  async exchange(bytes: string | Uint8Array): Promise<string> {
    const client = await this.connect();
    client.send(bytes);
    return client.untilClosed();
  }

  #step(events: readonly Event[]): Effect[] {
    this.batches.push([...events]);
    return events.flatMap((event) => {
      const response = event.kind === 'request' ? this.#respond(event) : null;
      return response === null ? [] : [{ kind: 'respond', id: (event as RequestEvent).id, response }];
    });
  }
}

/** The other end of a connection: what was received, and waiting for more of it. */
export class Client {
  readonly socket: Socket;
  received = '';
  readonly #closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      this.received += text;
    });
    this.#closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Waits until so many answers came; answers them and forgets them. */
  async responses(count: number): Promise<string[]> {
    for (;;) {
      const found = splitResponses(this.received);
      if (found.length >= count) {
        this.received = '';
        return found;
      }
      await Promise.race([
        once(this.socket, 'data'),
        this.#closed.then(() => {
          throw new Error(`closed after ${found.length} of ${count} answers: ${this.received}`);
        }),
      ]);
    }
  }

  async untilClosed(): Promise<string> {
    await this.#closed;
    return this.received;
  }
}

/** Whole answers in a stream of them; 1xx ones stand by themselves. */
export function splitResponses(text: string): string[] {
  const found: string[] = [];
  for (let rest = text; ; ) {
    const head = rest.indexOf('\r\n\r\n');
    if (head < 0) return found;
    const length = Number(/content-length: (\d+)/.exec(rest.slice(0, head))?.[1] ?? 0);
    if (rest.length < head + 4 + length) return found;
    found.push(rest.slice(0, head + 4 + length));
    rest = rest.slice(head + 4 + length);
  }
}

/** The least a configuration must say, around the fields of its one interface. */
export function minimalConfiguration(fields: Record<string, unknown>): Record<string, unknown> {
  return {
    network: {
      node_to_node_interface: { bind_address: '127.0.0.1:0' },
      rpc_interfaces: { main: { bind_address: '127.0.0.1:0', ...fields } },
    },
    command: {
      type: 'Start',
      start: { constitution_files: ['constitution.js'], members: [{ certificate_file: 'member0_cert.pem' }] },
    },
  };
}

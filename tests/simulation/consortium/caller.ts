import { header } from '@coco/api';
import type { HttpRequest, HttpResponse, Session } from '@coco/node';
import type { Script } from '../world/script.ts';
import type { Consortium } from './consortium.ts';
import type { Daemon } from './daemon.ts';
import type { Machine } from './machine.ts';

/** What came of a request. When it was lost, it may have been carried out or not. */
export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly text: string;
      readonly daemon: Daemon;
      /** Number of the connection. */
      readonly session: number;
    }
  | { readonly kind: 'lost'; readonly wasSent: boolean };

const REDIRECTS_MAX = 3;

/** A connection to one process: session consistency hangs on it. */
interface Connection {
  readonly daemon: Daemon;
  readonly session: Session;
}

/** Somebody who sends requests over connections that may break. */
export class Caller {
  readonly #consortium: Consortium;
  readonly #certificate: Uint8Array | null;
  readonly #connections = new Map<Machine, Connection>();
  /** The machine that answered last. */
  #favourite: Machine | null = null;

  constructor(consortium: Consortium, certificate: Uint8Array | null) {
    this.#consortium = consortium;
    this.#certificate = certificate;
  }

  /** Sends a request to wherever it was last answered, or to any machine, and follows redirects. */
  *call(request: HttpRequest, timeoutMs = 10_000): Script<Reply> {
    let machine = this.#favourite ?? this.#consortium.anyMachine();
    for (let redirects = 0; ; redirects++) {
      const reply: Reply = yield* this.ask(machine, request, timeoutMs);
      // One that refuses may be waiting to join: another may know better.
      this.#favourite = reply.kind === 'answer' && reply.status < 400 ? machine : null;
      const next = reply.kind === 'answer' ? this.#redirected(reply) : undefined;
      if (next === undefined || redirects >= REDIRECTS_MAX) return reply;
      this.#consortium.reached.add('redirected');
      machine = next;
    }
  }

  /** Sends a request to one machine, over the connection that is open or a new one. */
  *ask(machine: Machine, request: HttpRequest, timeoutMs = 10_000): Script<Reply> {
    const { clock } = this.#consortium;
    const reply = yield (resume) => {
      let abandon = () => {};
      clock.after(timeoutMs, () => {
        abandon();
        resume({ kind: 'lost', wasSent: true });
      });
      clock.after(this.#consortium.clientDelay(), () => {
        const { daemon } = machine;
        if (daemon === null) resume({ kind: 'lost', wasSent: false });
        else abandon = this.#send(daemon, request, resume);
      });
    };
    return reply as Reply;
  }

  /** Ends all connections: the next requests open new ones. */
  hangUp(): void {
    this.#connections.clear();
  }

  /** The next request goes to any machine. */
  turnElsewhere(): void {
    this.#favourite = null;
  }

  #send(daemon: Daemon, request: HttpRequest, resume: (reply: Reply) => void): () => void {
    const { clock } = this.#consortium;
    const { machine } = daemon;
    const broken = (wasSent: boolean) => {
      this.#connections.delete(machine);
      resume({ kind: 'lost', wasSent });
    };
    if (this.#consortium.breaksConnection()) {
      broken(false);
      return () => {};
    }
    const { session } = this.#connectionTo(daemon);
    const id = daemon.request(session, request, {
      respond: (response) => {
        if (response.close === true) this.#connections.delete(machine);
        const isLost = this.#consortium.breaksConnection();
        clock.after(this.#consortium.clientDelay(), () => {
          if (isLost) broken(true);
          else resume(answer(daemon, session.id, response));
        });
      },
      broken: () => broken(true),
    });
    return () => {
      this.#connections.delete(machine);
      daemon.abandon(id);
    };
  }

  #connectionTo(daemon: Daemon): Connection {
    const known = this.#connections.get(daemon.machine);
    if (known?.daemon === daemon) return known;
    const id = this.#consortium.nextSession();
    const session = { id, interface: 'main', clientCertificate: this.#certificate };
    const connection = { daemon, session };
    this.#connections.set(daemon.machine, connection);
    return connection;
  }

  #redirected({ status, headers }: Extract<Reply, { kind: 'answer' }>): Machine | undefined {
    if (status !== 307 && status !== 308) return undefined;
    const { host } = new URL(headers.location ?? 'https://nobody.example.com');
    return this.#consortium.machines.find(({ address }) => new URL(`https://${address}`).host === host);
  }
}

function answer(daemon: Daemon, session: number, { status, headers, body }: HttpResponse): Reply {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : Buffer.from(body);
  const text = bytes.toString();
  return { kind: 'answer', status, headers: Object.fromEntries(headers), text, daemon, session };
}

/** A request without a body. */
export function get(target: string, headers: Readonly<Record<string, string>> = {}): HttpRequest {
  return { method: 'GET', target, headers, body: new Uint8Array(0) };
}

/** A request with a JSON body. */
export function post(
  target: string,
  content: object,
  headers: Readonly<Record<string, string>> = {},
): HttpRequest {
  const body = new TextEncoder().encode(JSON.stringify(content));
  return { method: 'POST', target, headers: { [header.contentType]: 'application/json', ...headers }, body };
}

/** The body of a successful answer as JSON; undefined for anything else. */
export function contentOf<Content>(reply: Reply): Content | undefined {
  if (reply.kind === 'lost' || reply.status < 200 || reply.status >= 300) return undefined;
  return reply.text === '' ? undefined : (JSON.parse(reply.text) as Content);
}

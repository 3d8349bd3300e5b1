// A service of one node in memory: the real node, engine, governance and cryptography, and a world that does what it is
// asked at once. Its clock and its randomness are the test's, so that two of them can be compared answer by answer.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { ack, keySigner, plainBallot, propose, Session, type Signer, vote } from '@coco/client';
import { createEngine, requiredV8Flags } from '@coco/contracts';
import { decodePem, generateKeyPair, issueCertificate, type PrivateKey } from '@coco/crypto';
import { type Effect, type Event, type HttpResponse, Node, type NodeConfig } from '@coco/node';
import { performParcels } from '../../packages/node/src/testing/machine.ts';

for (const flag of requiredV8Flags) setFlagsFromString(flag);

const root = dirname(dirname(import.meta.dirname));
const start = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const rsa = generateKeyPair({ kind: 'RSA', bits: 2048 });

/** Somebody with a certificate. */
export interface Person {
  readonly name: string;
  /** Hex SHA-256 of the certificate. */
  readonly id: string;
  readonly certificate: string;
  readonly key: PrivateKey;
}

/** One answer, whole, as it would go on the wire. */
export interface Given {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly json: unknown;
}

type Connection = Extract<Event, { kind: 'request' }>['session'];

/** A bundle as `set_js_app` takes it. */
export interface MemoryBundle {
  readonly metadata: { readonly endpoints: object };
  readonly modules: readonly { readonly name: string; readonly module: string }[];
}

export interface MemoryOptions {
  readonly bundle?: MemoryBundle;
  /** Actions of the proposal that opens the service, after the app is installed. */
  readonly actions?: (people: (name: string) => Person) => readonly object[];
  readonly seed?: string;
}

const people = new Map<string, Person>();

/** A person by name; the same one in every service of the process, so that ids can be compared. */
export function person(name: string): Person {
  const known = people.get(name);
  if (known) return known;
  const key = generateKeyPair('P-256');
  const { pem, id } = issueCertificate({
    subject: `CN=${name}`,
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: start - dayMs,
    notAfter: start + 1000 * dayMs,
    serial: createHash('sha256').update(name).digest().subarray(0, 16),
  });
  const made = { name, id, certificate: pem, key };
  people.set(name, made);
  return made;
}

/** A service in memory. */
export class MemoryService {
  now = start;
  readonly node: Node;
  /** Entries of the ledger, the first at index 0. */
  readonly entries: Uint8Array[] = [];
  /** How many of them were read back. */
  entriesRead = 0;
  /** Parcels by path. */
  readonly parcels = new Map<string, Uint8Array>();
  readonly log: string[] = [];
  serviceCertificate = '';
  readonly #answers = new Map<number, HttpResponse>();
  readonly #streams = new Map<number, string>();
  readonly #connections = new Map<string, Connection>();
  readonly #member = person('member');
  #requests = 0;
  #committed = 0;

  private constructor(seed: string) {
    this.node = new Node({
      config: configuration,
      files: {
        constitution: constitution(),
        members: [
          {
            certificatePem: this.#member.certificate,
            encryptionPublicKeyPem: rsa.publicKey.pem,
            data: null,
            recoveryRole: null,
          },
        ],
        nodeData: null,
        serviceData: null,
        serviceCertificatePem: null,
      },
      engine: createEngine(),
      random: seeded(seed),
      now: start,
      executableDigest: 'ab'.repeat(32),
      versions: { product: 'coco-memory', engine: 'V8' },
    });
    this.#step(this.#carryOut(this.node.start()));
    this.settle();
  }

  /** A service that is open, with its app installed. */
  static async open(options: MemoryOptions = {}): Promise<MemoryService> {
    const service = new MemoryService(options.seed ?? 'memory');
    await ack(service.session(), service.signer());
    await service.govern([
      ...(options.bundle === undefined ? [] : [{ name: 'set_js_app', args: { bundle: options.bundle } }]),
      ...(options.actions?.(person) ?? []),
      { name: 'transition_service_to_open', args: { next_service_identity: service.serviceCertificate } },
    ]);
    return service;
  }

  /** Proposes and votes. Throws when it is not accepted. */
  async govern(actions: readonly object[]): Promise<void> {
    const session = this.session();
    let { proposalId, proposalState } = await propose(session, this.signer(), { actions } as never);
    if (proposalState === 'Open') {
      ({ proposalState } = await vote(session, this.signer(), proposalId, plainBallot(true)));
    }
    if (proposalState !== 'Accepted') throw new Error(`the proposal is ${proposalState}`);
    this.settle();
  }

  signer(): Signer {
    return keySigner(this.#member.certificate, this.#member.key.exportPem());
  }

  /** The client's view of the service. */
  session(who?: Person): Session {
    return new Session(
      {
        send: async ({ method, url, headers, body }) => {
          const target = url.slice(new URL(url).origin.length);
          const response = this.#exchange(who, { method, target, headers, body: body ?? new Uint8Array(0) });
          return { status: response.status, headers: headersOf(response), body: bytesOf(response.body) };
        },
        sleep: async (ms) => this.pass(ms),
        now: () => this.now,
      },
      { addresses: ['https://memory'], serviceCertificate: this.serviceCertificate },
    );
  }

  /** One request and its answer. */
  ask(
    who: Person | undefined,
    method: string,
    target: string,
    json?: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Given {
    const body = json === undefined ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(json));
    const headers: Record<string, string> =
      json === undefined ? more : { 'content-type': 'application/json', ...more };
    let response = this.#exchange(who, { method, target, headers, body });
    // What is read from the ledger files is there when it is asked for again.
    if (response.status === 202) response = this.#exchange(who, { method, target, headers, body });
    const text = new TextDecoder().decode(bytesOf(response.body));
    return { status: response.status, headers: headersOf(response), body: text, json: parsed(text) };
  }

  /** Several requests in one batch, as they arrive in one turn of a real host; answers their statuses. */
  together(
    requests: readonly {
      readonly who?: Person;
      readonly method: string;
      readonly target: string;
      readonly json?: unknown;
    }[],
  ): number[] {
    const events = requests.map(({ who, method, target, json }) => {
      const body = new TextEncoder().encode(json === undefined ? '' : JSON.stringify(json));
      return this.#event(who, { method, target, headers: {}, body });
    });
    this.#step(events);
    return events.map((event) => this.#take(event.id).status);
  }

  /** Opens a stream; `read` gives what has come on it since. */
  stream(
    who: Person,
    target: string,
    headers: Readonly<Record<string, string>> = {},
  ): { readonly id: number; readonly head: HttpResponse; read(): string } {
    const event = this.#event(who, { method: 'GET', target, headers, body: new Uint8Array(0) });
    this.#step([event]);
    const head = this.#take(event.id);
    const read = (): string => {
      // One piece is under way at a time: taking it is what asks for the next.
      let text = '';
      for (let piece = this.#piece(event.id); piece !== ''; piece = this.#piece(event.id)) text += piece;
      return text;
    };
    this.#step([{ kind: 'streamed', id: event.id }]);
    return { id: event.id, head, read };
  }

  #piece(id: number): string {
    const piece = this.#streams.get(id) ?? '';
    this.#streams.set(id, '');
    if (piece !== '') this.#step([{ kind: 'streamed', id }]);
    return piece;
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.now += ms;
    this.#step([{ kind: 'tick', now: this.now, elapsedMs: ms }]);
  }

  /** Lets time pass until everything is committed. */
  settle(): void {
    for (let i = 0; i < 50 && (i < 2 || this.#committed < this.entries.length); i++) this.pass(10);
  }

  step(events: readonly Event[]): void {
    this.#step(events);
  }

  #exchange(who: Person | undefined, request: Extract<Event, { kind: 'request' }>['request']): HttpResponse {
    const event = this.#event(who, request);
    this.#step([event]);
    for (let i = 0; i < 50 && !this.#answers.has(event.id); i++) this.pass(10);
    return this.#take(event.id);
  }

  #event(who: Person | undefined, request: Extract<Event, { kind: 'request' }>['request']) {
    this.#requests += 1;
    return { kind: 'request', id: this.#requests, session: this.#connection(who), request } as const;
  }

  /** One connection for each person: what it proves is remembered with it. */
  #connection(who: Person | undefined): Connection {
    const name = who?.id ?? '';
    const known = this.#connections.get(name);
    if (known) return known;
    const der = who ? decodePem(who.certificate)[0]?.der : undefined;
    const made = { id: this.#connections.size + 1, interface: 'main', clientCertificate: der ?? null };
    this.#connections.set(name, made);
    return made;
  }

  #take(id: number): HttpResponse {
    const response = this.#answers.get(id);
    if (!response) throw new Error('the node did not answer');
    this.#answers.delete(id);
    return response;
  }

  #step(events: readonly Event[]): void {
    for (let next = events; next.length > 0; ) next = this.#carryOut(this.node.step(next));
  }

  /** Does what the node asks; answers what it is to be told of it. */
  #carryOut(effects: readonly Effect[]): Event[] {
    const events: Event[] = [];
    for (const effect of effects) this.#perform(effect, events);
    return events;
  }

  #perform(effect: Effect, events: Event[]): void {
    switch (effect.kind) {
      case 'respond':
        this.#answers.set(effect.id, effect.response);
        if (effect.response.streams) this.#streams.set(effect.id, '');
        break;
      case 'stream':
        this.#streams.set(effect.id, (this.#streams.get(effect.id) ?? '') + effect.piece);
        break;
      case 'yield':
        events.push({ kind: 'resumed' });
        break;
      case 'append':
        this.entries.push(...effect.entries);
        events.push({ kind: 'appended', seqno: effect.from + effect.entries.length - 1 });
        break;
      case 'committed':
        this.#committed = effect.seqno;
        break;
      case 'read-entries': {
        const entries = this.entries.slice(effect.from - 1, effect.to);
        this.entriesRead += entries.length;
        events.push({ kind: 'entries-read', from: effect.from, to: effect.to, entries });
        break;
      }
      case 'keep-parcels':
      case 'read-parcels':
      case 'list-parcels':
      case 'drop-parcels': {
        const told = performParcels(this, effect);
        if (told) events.push(told);
        break;
      }
      case 'output':
        if (effect.file === 'service-certificate') this.serviceCertificate = effect.text;
        break;
      case 'log':
        this.log.push(`${effect.level} ${effect.message}`);
        break;
      case 'exit':
        throw new Error(effect.reason);
      default:
    }
  }
}

const configuration: NodeConfig = {
  network: {
    node_to_node_interface: { bind_address: '127.0.0.1:1', published_address: '127.0.0.1:1' },
    rpc_interfaces: {
      main: {
        bind_address: '127.0.0.1:2',
        published_address: '127.0.0.1:2',
        app_protocol: 'HTTP1',
        max_open_sessions_soft: 1000,
        max_open_sessions_hard: 1000,
        endorsement: { authority: 'Service' },
        accepted_endpoints: null,
        redirections: null,
        declared: {},
      },
    },
  },
  command: {
    type: 'Start',
    start: {
      service_configuration: {
        recovery_threshold: 1,
        maximum_node_certificate_validity_days: 365,
        maximum_service_certificate_validity_days: 365,
        recent_cose_proposals_window_size: 100,
      },
      initial_service_certificate_validity_days: 90,
      service_subject_name: 'CN=Memory',
      cose_signatures: null,
    },
  },
  node_certificate: {
    subject_name: 'CN=Memory Node',
    subject_alt_names: null,
    curve_id: 'Secp256R1',
    initial_validity_days: 90,
  },
  ledger: { chunk_size: 5_000_000 },
  snapshots: { tx_count: 1_000_000_000 },
  consensus: { message_timeout: 100, election_timeout: 1000, max_uncommitted_tx_count: 0 },
  ledger_signatures: { tx_count: 5000, delay: 10 },
  jwt: { key_refresh_interval: 1_800_000 },
  historical_cache_soft_limit: 512 * 1024 * 1024,
  ignore_first_sigterm: false,
};

function constitution(): string {
  const files = ['actions.js', 'validate.js', 'resolve.js', 'apply.js'];
  return files
    .map((name) => readFileSync(join(root, 'samples/constitutions/default', name), 'utf8'))
    .join('\n');
}

/** Bytes that look random and are the same in every run; as cheap as a system's own. */
function seeded(seed: string): (length: number) => Uint8Array {
  const state = Uint32Array.from({ length: 4 }, (_, i) =>
    createHash('sha256')
      .update(seed)
      .digest()
      .readUInt32LE(4 * i),
  );
  return (length) => {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      // xorshift128, Marsaglia 2003.
      let t = state[3] as number;
      state[3] = state[2] as number;
      state[2] = state[1] as number;
      const s = state[0] as number;
      state[1] = s;
      t ^= t << 11;
      t ^= t >>> 8;
      state[0] = t ^ s ^ (s >>> 19);
      out[i] = state[0] >>> 24;
    }
    return out;
  };
}

function headersOf(response: HttpResponse): Record<string, string> {
  return Object.fromEntries(response.headers);
}

function bytesOf(body: HttpResponse['body']): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

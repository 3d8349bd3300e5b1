import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { createEngine, requiredV8Flags } from '@coco/contracts';
import {
  generateKeyPair,
  issueCertificate,
  type PrivateKey,
  parseCertificate,
  signSign1,
  verifyIssuedBy,
} from '@coco/crypto';
import type { EvidenceSource } from '../attester.ts';
import type {
  JoinCommand,
  NodeConfig,
  NodeFiles,
  RecoverCommand,
  RpcInterface,
  StartCommand,
} from '../config.ts';
import type { Effect, FetchRequest, HttpResponse } from '../effect.ts';
import type { FetchResult, HttpRequest, Session } from '../event.ts';
import { Node } from '../node.ts';
import { app } from './app.ts';
import {
  attested,
  entriesOf,
  Machine,
  type MachineFiles,
  performParcels,
  type Reply,
  readable,
  readableBytes,
  readSnapshot,
} from './machine.ts';

for (const flag of requiredV8Flags) setFlagsFromString(flag);

const samples = fileURLToPath(new URL('../../../../samples/constitutions/', import.meta.url));
const constitution = ['default/actions.js', 'default/validate.js', 'sandbox/resolve.js', 'default/apply.js']
  .map((file) => readFileSync(samples + file, 'utf8'))
  .join('\n');

/** The moment the cluster begins at, ms. */
const beginning = 1_795_400_000_000;
const dayMs = 86_400_000;
const tickMs = 10;

const executableDigest = 'ab'.repeat(32);

/** How the nodes of a cluster differ from the default. */
export interface ClusterOptions {
  readonly snapshotEvery?: number;
  readonly redirects?: boolean;
  /** Who makes the evidence: the node itself, or (the same, by way of the host) its machine. */
  readonly evidence?: EvidenceSource;
}

/** A service of several real nodes in one thread. Nothing happens but by `settle` and `pass`. */
export class Cluster {
  readonly machines: Machine[] = [];
  readonly memberKey: PrivateKey = generateKeyPair('P-256');
  readonly memberEncryptionKey: PrivateKey = generateKeyPair({ kind: 'RSA', bits: 2048 });
  readonly memberCertificate: string;
  readonly memberId: string;
  /** Pairs of names whose messages are lost. */
  readonly cut = new Set<string>();
  /** What becomes of messages on their way between two machines. */
  tamper: (message: Uint8Array, from: Machine, to: Machine) => Uint8Array = (message) => message;
  /** Whether every message arrives twice. */
  repeats = false;
  readonly #options: ClusterOptions;
  #now = beginning;
  #lastId = 0;
  #lastPort = 8000;

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    const certificate = issueCertificate({
      subject: 'CN=member',
      publicKey: this.memberKey.publicKey,
      issuerKey: this.memberKey,
      issuerCert: 'self',
      notBefore: beginning - dayMs,
      notAfter: beginning + 100 * dayMs,
      serial: crypto.getRandomValues(new Uint8Array(16)),
    });
    this.memberCertificate = certificate.pem;
    this.memberId = certificate.id;
  }

  /** Milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** PEM of the service, as the first node published it. */
  get servicePem(): string {
    return (
      this.machines.find(({ serviceCertificate }) => serviceCertificate !== '')?.serviceCertificate ?? ''
    );
  }

  /** Begins a service and activates its member. */
  start(): Machine {
    const start: StartCommand = {
      type: 'Start',
      start: {
        service_configuration: {
          recovery_threshold: 1,
          maximum_node_certificate_validity_days: 365,
          maximum_service_certificate_validity_days: 365,
          recent_cose_proposals_window_size: 100,
        },
        initial_service_certificate_validity_days: 90,
        service_subject_name: 'CN=Service',
        cose_signatures: { issuer: 'test', subject: 'test' },
      },
    };
    const member = {
      certificatePem: this.memberCertificate,
      encryptionPublicKeyPem: this.memberEncryptionKey.publicKey.pem,
      data: null,
      recoveryRole: null,
    };
    const machine = this.add('n0', start, { constitution, members: [member] });
    this.pass(50);
    const digest = this.govern(machine, `/gov/members/state-digests/${this.memberId}:update`, 'state_digest');
    const { stateDigest } = digest.json as { stateDigest: string };
    this.govern(machine, `/gov/members/state-digests/${this.memberId}:ack`, 'ack', { stateDigest });
    return machine;
  }

  /** Starts a node that joins by way of another; whether it is trusted is another matter. */
  join(
    target: Machine,
    more: Partial<JoinCommand['join']> & { readonly servicePem?: string; readonly disk?: MachineFiles } = {},
  ): Machine {
    const { servicePem = this.servicePem, disk, ...rest } = more;
    const join = {
      target_rpc_address: target.address,
      retry_timeout: 200,
      follow_redirect: true,
      fetch_recent_snapshot: true,
      fetch_snapshot_max_attempts: 3,
      fetch_snapshot_retry_interval: 100,
      fetch_snapshot_max_size: 10_000_000,
      ...rest,
    };
    return this.add(
      `n${this.machines.length}`,
      { type: 'Join', join },
      { serviceCertificatePem: servicePem },
      disk,
    );
  }

  /** Adds a node with a command, beside the files it may find. */
  add(
    name: string,
    command: StartCommand | JoinCommand | RecoverCommand,
    files: Partial<NodeFiles>,
    disk: MachineFiles = {},
  ): Machine {
    const config = this.#configure(command);
    const node = new Node({
      config,
      files: {
        constitution: '',
        members: [],
        nodeData: null,
        serviceData: null,
        serviceCertificatePem: null,
        ...files,
      },
      engine: createEngine(),
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      now: this.#now,
      executableDigest,
      evidence: this.#options.evidence ?? 'virtual',
      versions: { product: 'test', engine: 'test' },
    });
    const machine = new Machine(name, node, config, disk);
    this.machines.push(machine);
    this.#carryOut(machine, node.start());
    this.settle();
    return machine;
  }

  /** Lets time pass on every machine, a tick after the other. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += tickMs) {
      this.#now += tickMs;
      for (const machine of this.machines)
        machine.inbox.push({
          kind: 'tick',
          now: machine.clockStoppedAt ?? this.#now,
          elapsedMs: tickMs,
        });
      this.settle();
    }
  }

  /** Lets time pass until something holds. */
  passUntil(what: string, holds: () => boolean, msMax = 20_000): void {
    for (let passed = 0; !holds(); passed += tickMs) {
      if (passed >= msMax) throw new Error(`not within ${msMax} ms: ${what}\n${this.story()}`);
      this.pass(tickMs);
    }
  }

  /** Delivers everything that is on its way, until nothing is. */
  settle(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const machine of this.machines) {
        if (machine.inbox.length === 0) continue;
        const events = machine.inbox;
        machine.inbox = [];
        if (!machine.isUp) continue;
        busy = true;
        this.#carryOut(machine, machine.node.step(events));
      }
    }
  }

  /** Loses every message between two machines. */
  isolate(a: Machine, b: Machine): void {
    this.cut.add(`${a.name} ${b.name}`).add(`${b.name} ${a.name}`);
  }

  /** Every machine reaches every other again, and hears that it does. */
  heal(): void {
    this.cut.clear();
    for (const machine of this.machines) {
      for (const id of machine.peers) machine.inbox.push({ kind: 'channel', id, state: 'up' });
    }
    this.settle();
  }

  /** The one node that leads, in the highest view that anybody leads. */
  get primary(): Machine {
    const leading = this.machines.filter((machine) => this.#leads(machine));
    const [best] = leading.sort((a, b) => this.consensus(b).current_view - this.consensus(a).current_view);
    if (!best) throw new Error(`nobody leads\n${this.story()}`);
    return best;
  }

  get hasPrimary(): boolean {
    return this.machines.some((machine) => this.#leads(machine));
  }

  #leads(machine: Machine): boolean {
    return machine.isUp && this.request(machine, 'GET', '/node/primary').status === 200;
  }

  consensus(machine: Machine) {
    const { details } = this.request(machine, 'GET', '/node/consensus').json as {
      details: {
        leadership_state: string;
        current_view: number;
        primary_id: string | null;
        retirement_phase?: string;
        learners: Record<string, unknown>;
        configs: { nodes: Record<string, unknown> }[];
      };
    };
    return details;
  }

  state(machine: Machine) {
    return this.request(machine, 'GET', '/node/state').json as { state: string; last_signed_seqno: number };
  }

  /** Asks a node and answers what it says at once; what takes time throws. */
  request(machine: Machine, method: string, target: string, more: RequestMore = {}): Reply {
    const reply = this.ask(machine, method, target, more);
    this.settle();
    const said = reply();
    if (!said) throw new Error(`${machine.name} did not answer ${method} ${target} at once`);
    return said;
  }

  /** Asks a node; the function answers what it said, once it did. */
  ask(machine: Machine, method: string, target: string, more: RequestMore = {}): () => Reply | undefined {
    const { session = this.session(), headers = {}, body = new Uint8Array() } = more;
    let reply: Reply | undefined;
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    this.#submit(machine, session, { method, target, headers, body: bytes }, (response, id) => {
      reply = readable(response, id);
    });
    return () => reply;
  }

  /** A connection of its own. */
  session(clientCertificate: Uint8Array | null = null): Session {
    this.#lastId += 1;
    return { id: this.#lastId, interface: 'main', clientCertificate };
  }

  /** Sends what the member signed; anything but success throws. */
  govern(machine: Machine, path: string, type: string, payload: unknown = ''): Reply {
    const headers = new Map<number | string, string | number | Uint8Array>([
      [4, new TextEncoder().encode(this.memberId)],
      ['ccf.gov.msg.type', type],
      ['ccf.gov.msg.created_at', Math.floor(this.#now / 1000)],
    ]);
    const text = payload === '' ? '' : JSON.stringify(payload);
    const body = signSign1({ protected: headers, payload: new TextEncoder().encode(text) }, this.memberKey);
    const target = `${path}?api-version=2024-07-01`;
    const replied = this.ask(machine, 'POST', target, {
      headers: { 'content-type': 'application/cose' },
      body,
    });
    this.settle();
    this.passUntil(`${machine.name} answers ${path}`, () => replied() !== undefined);
    const reply = replied() as Reply;
    if (reply.status >= 300) throw new Error(`${path}: ${reply.status} ${reply.text}`);
    return reply;
  }

  /** Proposes actions, which pass at once under this constitution. */
  propose(machine: Machine, ...actions: { readonly name: string; readonly args?: unknown }[]): Reply {
    const reply = this.govern(machine, '/gov/members/proposals:create', 'proposal', { actions });
    const { proposalState } = reply.json as { proposalState: string };
    if (proposalState !== 'Accepted') throw new Error(`the proposal is ${proposalState}: ${reply.text}`);
    return reply;
  }

  /** Lets a node in, maybe as one of a party. */
  trust(node: Machine, at: Machine = this.primary, party?: string): void {
    const period = { valid_from: new Date(beginning).toISOString(), validity_period_days: 90 };
    const args = { node_id: node.id, ...period, ...(party === undefined ? {} : { party }) };
    this.propose(at, { name: 'transition_node_to_trusted', args });
  }

  /** Installs the app of these tests and opens the service. */
  open(at: Machine = this.primary, previous?: string): void {
    this.propose(at, { name: 'set_js_app', args: { bundle: app } });
    const args = {
      next_service_identity: this.servicePem,
      ...(previous && { previous_service_identity: previous }),
    };
    this.propose(at, { name: 'transition_service_to_open', args });
    this.pass(100);
  }

  /** What everybody logged, for a test that failed. */
  story(): string {
    return this.machines
      .map(({ name, log, exit }) => [`${name}:`, ...log, exit ?? ''].join('\n  '))
      .join('\n');
  }

  #submit(
    machine: Machine,
    session: Session,
    request: HttpRequest,
    then: (response: HttpResponse, id: number) => void,
  ): void {
    this.#lastId += 1;
    machine.replies.set(this.#lastId, then);
    machine.inbox.push({ kind: 'request', id: this.#lastId, session, request });
  }

  #carryOut(machine: Machine, effects: readonly Effect[]): void {
    for (const effect of effects) this.#perform(machine, effect);
  }

  #perform(machine: Machine, effect: Effect): void {
    const { ledger, inbox } = machine;
    switch (effect.kind) {
      case 'respond': {
        const then = machine.replies.get(effect.id);
        machine.replies.delete(effect.id);
        then?.(effect.response, effect.id);
        if (effect.response.streams) inbox.push({ kind: 'streamed', id: effect.id });
        return;
      }
      case 'yield':
        inbox.push({ kind: 'resumed' });
        return;
      case 'append':
        for (const [i, entry] of effect.entries.entries()) ledger.set(effect.from + i, entry);
        inbox.push({ kind: 'appended', seqno: effect.from + effect.entries.length - 1 });
        return;
      case 'truncate':
        for (const seqno of ledger.keys()) if (seqno > effect.seqno) ledger.delete(seqno);
        return;
      case 'begin-ledger':
        for (const seqno of ledger.keys()) if (seqno > effect.after) ledger.delete(seqno);
        return;
      case 'read-entries':
        if (machine.readsNothing) return;
        inbox.push({ ...effect, kind: 'entries-read', entries: entriesOf(ledger, effect.from, effect.to) });
        return;
      case 'write-snapshot':
        machine.drafts.set(effect.name, effect.bytes);
        return;
      case 'commit-snapshot':
        machine.snapshots.set(
          effect.name,
          Buffer.concat([machine.drafts.get(effect.name) ?? [], effect.receipt] as Uint8Array[]),
        );
        return;
      case 'read-snapshot':
        inbox.push(readSnapshot(machine, effect));
        return;
      case 'peers':
        machine.peers = effect.nodes.map(({ id }) => id);
        return;
      case 'send':
        this.#send(machine, effect.to, effect.message);
        return;
      case 'fetch':
        this.#fetch(machine, effect, (result) =>
          machine.inbox.push({ kind: 'fetched', id: effect.id, result }),
        );
        return;
      case 'identity':
        machine.identities.set(effect.authority, effect);
        return;
      case 'output':
        if (effect.file === 'service-certificate') machine.serviceCertificate = effect.text;
        return;
      case 'log':
        machine.log.push(`${effect.level} ${effect.message}`);
        return;
      case 'exit':
        machine.exit = effect.reason;
        machine.isUp = false;
        return;
      case 'attest':
        machine.inbox.push(
          machine.isMute
            ? { kind: 'attested', id: effect.id, result: { error: 'the device is gone' } }
            : attested(effect),
        );
        return;
      case 'keep-parcels':
      case 'read-parcels':
      case 'list-parcels':
      case 'drop-parcels': {
        const told = performParcels(machine, effect);
        if (told) inbox.push(told);
        return;
      }
      case 'stream':
        machine.streams.set(effect.id, (machine.streams.get(effect.id) ?? '') + effect.piece);
        inbox.push({ kind: 'streamed', id: effect.id });
        return;
      case 'committed':
        return;
      default:
        effect satisfies never;
    }
  }

  #send(from: Machine, to: string, message: Uint8Array): void {
    const target = this.machines.find(({ id }) => id === to);
    if (!target?.isUp || this.cut.has(`${from.name} ${target.name}`)) return;
    // A channel needs that each knows the other.
    if (!from.peers.includes(to) || !target.peers.includes(from.id)) return;
    for (let times = this.repeats ? 2 : 1; times > 0; times--) {
      target.inbox.push({
        kind: 'received',
        from: from.id,
        message: this.tamper(message.slice(), from, target),
      });
    }
  }

  #fetch(from: Machine, request: FetchRequest, done: (result: FetchResult) => void): void {
    const { host, pathname, search } = new URL(request.url);
    const target = this.machines.find(({ address, isUp }) => address === host && isUp);
    const presented = target?.identities.get('Service')?.certificatePem;
    if (!target || presented === undefined || !isIssuedBy(presented, request.caPem)) {
      done({ error: `${host} does not answer, or not with a certificate of this service` });
      return;
    }
    const own = request.presentsNode
      ? parseCertificate(from.identities.get('Node')?.certificatePem ?? '').der
      : null;
    const { method, headers, body } = request;
    const asked = { method, target: pathname + search, headers, body: body ?? new Uint8Array() };
    this.#submit(target, this.session(own), asked, (response) => {
      const { status, headers, body } = readableBytes(response);
      done({ status, headers, body });
    });
  }

  #configure(command: StartCommand | JoinCommand | RecoverCommand): NodeConfig {
    this.#lastPort += 2;
    const rpc = `10.0.0.1:${this.#lastPort}`;
    const nodeToNode = `10.0.0.1:${this.#lastPort + 1}`;
    const main: RpcInterface = {
      bind_address: rpc,
      published_address: rpc,
      app_protocol: 'HTTP1',
      max_open_sessions_soft: 100,
      max_open_sessions_hard: 110,
      endorsement: { authority: 'Service' },
      accepted_endpoints: null,
      redirections: this.#options.redirects
        ? { to_primary: { kind: 'NodeByRole', target: { role: 'primary' } } }
        : null,
      declared: {},
    };
    return {
      network: {
        node_to_node_interface: { bind_address: nodeToNode, published_address: nodeToNode },
        rpc_interfaces: { main },
      },
      command,
      node_certificate: {
        subject_name: 'CN=node',
        subject_alt_names: null,
        curve_id: 'Secp256R1',
        initial_validity_days: 90,
      },
      ledger: { chunk_size: 100_000 },
      snapshots: { tx_count: this.#options.snapshotEvery ?? 10_000 },
      consensus: { message_timeout: 50, election_timeout: 500, max_uncommitted_tx_count: 10_000 },
      ledger_signatures: { tx_count: 100, delay: 100 },
      jwt: { key_refresh_interval: 1_800_000 },
      historical_cache_soft_limit: 1_000_000,
      ignore_first_sigterm: false,
    };
  }
}

interface RequestMore {
  readonly session?: Session;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

function isIssuedBy(pem: string, issuerPem: string): boolean {
  try {
    verifyIssuedBy(parseCertificate(pem), parseCertificate(issuerPem));
    return true;
  } catch {
    return false;
  }
}

import type { Engine } from '@coco/contracts';
import {
  type Effect,
  type Event,
  type HttpRequest,
  type HttpResponse,
  Node,
  type NodeConfig,
  type NodeFiles,
  type Session,
} from '@coco/node';
import { performParcels } from '../../../packages/node/src/testing/machine.ts';
import type { Clock } from '../world/clock.ts';
import { between, type Random } from '../world/random.ts';
import type { Machine } from './machine.ts';

/** What a daemon cannot do by itself: the world around it. */
export interface DaemonWorld {
  readonly clock: Clock;
  readonly engine: Engine;
  /** Wall clock in ms at virtual time zero. */
  readonly epoch: number;
  send(from: Daemon, to: string, message: Uint8Array): void;
  /** The list of nodes it may have a channel with is another. */
  peersChanged(daemon: Daemon): void;
  fetch(from: Daemon, effect: Extract<Effect, { kind: 'fetch' }>): void;
  /** An effect that somebody may want to know of, before it is carried out. */
  noticed(daemon: Daemon, effect: Effect): void;
  /** The batch is done, and everything that followed from it. */
  stepped(daemon: Daemon, events: readonly Event[]): void;
  ended(daemon: Daemon, reason: string): void;
}

/** How a daemon is started. */
export interface Launch {
  /** Digest of the code it runs, hexadecimal. */
  readonly code: string;
  readonly config: NodeConfig;
  readonly files: NodeFiles;
  readonly tickMs: number;
  /** The speed of its clock, and how far it is off, in ms. */
  readonly drift: number;
  readonly skew: number;
  readonly random: Random;
}

/** Whoever waits for the answer to a request. One of the two is called, once. */
export interface Exchange {
  respond(response: HttpResponse): void;
  /** The process ended first. */
  broken(): void;
}

/** One node process: the product's `Node`, and what its host would do for it. */
export class Daemon {
  readonly machine: Machine;
  readonly node: Node;
  readonly launch: Launch;
  isAlive = true;
  /** Nodes it may have a channel with. */
  peers: ReadonlySet<string> = new Set();
  /** What it presents on its interfaces, by authority: PEM. */
  readonly certificates = new Map<'Node' | 'Service', string>();
  /** PEM of the service certificate as last written to its file. */
  serviceCertificate: string | null;
  readonly #world: DaemonWorld;
  readonly #exchanges = new Map<number, Exchange>();
  #events: Event[] = [];
  #isScheduled = false;
  #isPaused = false;
  #requests = 0;
  #lastTick: number;

  constructor(machine: Machine, launch: Launch, world: DaemonWorld) {
    this.machine = machine;
    this.launch = launch;
    this.#world = world;
    this.#lastTick = world.clock.now;
    const { config, files, random } = launch;
    // Who joins has the file of the service already.
    this.serviceCertificate = config.command.type === 'Join' ? files.serviceCertificatePem : null;
    this.node = new Node({
      config,
      files,
      engine: world.engine,
      random: (length) => Uint8Array.from({ length }, () => between(random, 0, 255)),
      now: this.wallClock,
      executableDigest: launch.code,
      versions: { product: 'coco-simulated', engine: 'V8' },
    });
    const listener = {
      appended: (seqno: number) => this.push({ kind: 'appended', seqno }),
      entriesRead: (from: number, to: number, entries: readonly Uint8Array[]) =>
        this.push({ kind: 'entries-read', from, to, entries }),
      failed: (reason: string) => this.end(`ledger: ${reason}`),
    };
    machine.disk.open(listener, config.command.type === 'Join');
    machine.snapshots.open();
  }

  /** Lets the node begin. */
  start(): void {
    this.#performAll(this.node.start());
    this.#world.stepped(this, []);
    this.#tick();
  }

  /** What the machine takes for the time, in ms since 1970. */
  get wallClock(): number {
    const { drift, skew } = this.launch;
    return Math.floor(this.#world.epoch + this.#world.clock.now * drift + skew);
  }

  /** A request arrives. Answers the number by which it can be abandoned. */
  request(session: Session, request: HttpRequest, exchange: Exchange): number {
    const id = ++this.#requests;
    this.#exchanges.set(id, exchange);
    this.push({ kind: 'request', id, session, request });
    return id;
  }

  /** The client of a request went away. */
  abandon(id: number): void {
    if (this.#exchanges.delete(id)) this.push({ kind: 'abandoned', id });
  }

  /** Adds an event to the batch that is being gathered. */
  push(event: Event): void {
    if (!this.isAlive) return;
    this.#events.push(event);
    this.#schedule();
  }

  /** For the process a while passes at once. */
  jump(ms: number): void {
    this.push({ kind: 'tick', now: this.wallClock, elapsedMs: ms });
  }

  /** The process stands still; what happens to it meanwhile waits. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#events.length > 0) this.#schedule();
  }

  /** The process is killed: nothing more is decided, and what the disk had not written is lost. */
  kill(): void {
    this.end('killed');
  }

  end(reason: string): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#events = [];
    for (const { broken } of this.#exchanges.values()) this.#world.clock.after(0, broken);
    this.#exchanges.clear();
    this.machine.disk.crash();
    this.#world.ended(this, reason);
  }

  #tick(): void {
    if (!this.isAlive) return;
    const { clock } = this.#world;
    if (!this.#isPaused) {
      const elapsedMs = (clock.now - this.#lastTick) * this.launch.drift;
      this.#lastTick = clock.now;
      this.push({ kind: 'tick', now: this.wallClock, elapsedMs });
    }
    clock.after(this.launch.tickMs, () => this.#tick());
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isPaused) return;
    this.#isScheduled = true;
    // What arrives within a fraction of a millisecond is one batch.
    this.#world.clock.after(this.launch.random() * 0.5, () => {
      this.#isScheduled = false;
      if (!this.isAlive || this.#isPaused || this.#events.length === 0) return;
      const events = this.#events;
      this.#events = [];
      this.#step(events);
    });
  }

  #step(events: readonly Event[]): void {
    const effects = this.node.step(events);
    this.#performAll(effects);
    this.#world.stepped(this, events);
    if (this.isAlive && effects.some(({ kind }) => kind === 'yield')) this.#step([{ kind: 'resumed' }]);
  }

  #performAll(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (!this.isAlive) return;
      this.#world.noticed(this, effect);
      this.#perform(effect);
    }
  }

  #perform(effect: Effect): void {
    const { disk, snapshots } = this.machine;
    switch (effect.kind) {
      case 'respond': {
        const exchange = this.#exchanges.get(effect.id);
        this.#exchanges.delete(effect.id);
        exchange?.respond(effect.response);
        break;
      }
      case 'append':
      case 'truncate':
      case 'committed':
        disk.submit(effect);
        break;
      case 'begin-ledger':
        disk.submit({ kind: 'begin', after: effect.after });
        break;
      case 'read-entries':
        disk.submit({ kind: 'read', from: effect.from, to: effect.to });
        break;
      case 'write-snapshot':
        this.#soon(() => {
          snapshots.write(effect.name, effect.bytes);
          this.push({ kind: 'snapshotted', name: effect.name });
        });
        break;
      case 'commit-snapshot':
        this.#soon(() => snapshots.commit(effect.name, effect.receipt));
        break;
      case 'read-snapshot':
        this.#soon(() => this.#readSnapshot(effect));
        break;
      case 'send':
        this.#world.send(this, effect.to, effect.message);
        break;
      case 'fetch':
        this.#world.fetch(this, effect);
        break;
      case 'peers':
        this.peers = new Set(effect.nodes.map(({ id }) => id));
        this.#world.peersChanged(this);
        break;
      case 'identity':
        this.certificates.set(effect.authority, effect.certificatePem);
        break;
      case 'output':
        if (effect.file === 'service-certificate') this.serviceCertificate = effect.text;
        break;
      // No client of the simulation opens a stream.
      case 'stream':
        break;
      case 'keep-parcels':
      case 'read-parcels':
      case 'list-parcels':
      case 'drop-parcels':
        this.#soon(() => {
          const told = performParcels(this.machine, effect);
          if (told) this.push(told);
        });
        break;
      // Evidence is virtual here, which a node makes by itself.
      case 'attest':
      case 'yield':
      case 'log':
        break;
      case 'exit':
        this.end(effect.reason);
        break;
      default:
        effect satisfies never;
    }
  }

  #readSnapshot({ id, snapshot, from, to }: Extract<Effect, { kind: 'read-snapshot' }>): void {
    const found = this.machine.snapshots.find(snapshot);
    const bytes = found?.bytes.subarray(from, to) ?? new Uint8Array(0);
    this.push({
      kind: 'snapshot-read',
      id,
      name: found?.name ?? null,
      size: found?.bytes.length ?? 0,
      bytes,
    });
  }

  /** Files other than the ledger are written and read in one go, a moment later, in order. */
  #soon(action: () => void): void {
    this.#world.clock.after(5, () => {
      if (this.isAlive) action();
    });
  }
}

import type { Engine } from '@coco/contracts';
import type { Effect, Event } from '@coco/node';
import { Clock } from '../world/clock.ts';
import { between, pick, type Random, split } from '../world/random.ts';
import { Tally } from '../world/tally.ts';
import type { Observer } from './checkers/observer.ts';
import { bundle, bundleWithDeals } from './contract.ts';
import type { Daemon, DaemonWorld } from './daemon.ts';
import { type Command, configurationOf, filesOf } from './launch.ts';
import { Machine } from './machine.ts';
import type { Parameters } from './parameters.ts';
import { Trace } from './trace.ts';
import { Wires } from './wires.ts';

/** 2026-01-01. */
const EPOCH = Date.UTC(2026, 0, 1);

/** Everything there is: machines and the processes on them, one clock, and the checkers that watch. */
export class Consortium implements DaemonWorld {
  readonly clock = new Clock();
  readonly faults = new Tally();
  readonly reached = new Tally();
  readonly machines: Machine[] = [];
  readonly observers: Observer[] = [];
  readonly parameters: Parameters;
  readonly engine: Engine;
  readonly epoch = EPOCH;
  readonly trace: Trace;
  readonly wires: Wires;
  steps = 0;
  readonly #seed: number;
  readonly #random: Random;
  readonly #clients: Random;
  #launched = 0;
  #sessions = 0;
  #releases = 0;
  /** Connections break only while faults are injected. */
  isCalm = false;

  constructor(seed: number, parameters: Parameters, engine: Engine, write: ((line: string) => void) | null) {
    this.#seed = seed;
    this.parameters = parameters;
    this.engine = engine;
    this.#random = split(seed, 'consortium');
    this.#clients = split(seed, 'client network');
    this.trace = new Trace(write);
    this.wires = new Wires(this, split(seed, 'network'));
  }

  addMachine(): Machine {
    const name = `m${this.machines.length}`;
    const { clock, faults } = this;
    const world = { clock, faults, random: split(this.#seed, name) };
    const machine = new Machine(name, world, this.parameters.diskLatency);
    this.machines.push(machine);
    return machine;
  }

  anyMachine(): Machine {
    return pick(this.#random, this.machines)!;
  }

  /** Digest of the code that processes run which are started now, hexadecimal. */
  get code(): string {
    return this.#releases.toString(16).padStart(64, '0');
  }

  /** Whether there was ever another code than that of the beginning. */
  get hasReleased(): boolean {
    return this.#releases > 0;
  }

  /** There is a new version of the code. */
  release(): void {
    this.#releases++;
  }

  /** The app that is installed. */
  get bundle(): object {
    return this.parameters.hasCompanies ? bundleWithDeals : bundle;
  }

  /** Starts a node process on a machine. */
  launch(machine: Machine, command: Command): Daemon {
    const { tickMs, drift, skewMs } = this.parameters;
    const random = split(this.#seed, `process ${this.#launched++}`);
    this.trace.add(this.clock.now, machine.name, 'launch', command.type);
    const launch = {
      code: this.code,
      config: configurationOf(machine, command, this.parameters),
      files: filesOf(command),
      tickMs,
      drift: 1 + (random() * 2 - 1) * drift,
      skew: between(random, -skewMs, skewMs),
      random,
    };
    return machine.start(launch, this);
  }

  daemons(): Daemon[] {
    return this.machines.flatMap(({ daemon }) => daemon ?? []);
  }

  watch(tell: (observer: Observer) => void): void {
    for (const observer of this.observers) tell(observer);
  }

  /** Somebody outside the nodes did something. */
  note(who: string, what: string, ...details: readonly (string | number)[]): void {
    this.trace.add(this.clock.now, who, what, ...details);
  }

  nextSession(): number {
    return ++this.#sessions;
  }

  clientDelay(): number {
    const [min, max] = this.parameters.clientLatency;
    return between(this.#clients, min, max);
  }

  breaksConnection(): boolean {
    if (this.isCalm || this.#clients() >= this.parameters.clientLoss) return false;
    this.faults.add('connection broken');
    return true;
  }

  send(from: Daemon, to: string, message: Uint8Array): void {
    this.wires.send(from, to, message);
  }

  peersChanged(daemon: Daemon): void {
    this.wires.peersChanged(daemon);
  }

  fetch(from: Daemon, effect: Extract<Effect, { kind: 'fetch' }>): void {
    this.wires.fetch(from, effect);
  }

  noticed(daemon: Daemon, effect: Effect): void {
    this.steps++;
    this.trace.add(this.clock.now, daemon.machine.name, effect.kind, ...detailsOf(effect));
    switch (effect.kind) {
      case 'append':
        this.watch((observer) => observer.onAppended?.(daemon, effect.from, effect.entries));
        break;
      case 'read-entries':
        this.watch((observer) => observer.onReading?.(daemon, effect.from, effect.to));
        break;
      case 'truncate':
        this.watch((observer) => observer.onTruncated?.(daemon, effect.seqno));
        break;
      case 'begin-ledger':
        this.watch((observer) => observer.onBegun?.(daemon, effect.after));
        break;
      case 'committed':
        this.watch((observer) => observer.onCommitted?.(daemon, effect.seqno));
        break;
      default:
        break;
    }
  }

  stepped(daemon: Daemon, _events: readonly Event[]): void {
    this.watch((observer) => observer.onStepped?.(daemon));
  }

  ended(daemon: Daemon, reason: string): void {
    this.trace.add(this.clock.now, daemon.machine.name, 'ended', reason);
    this.wires.ended(daemon);
    this.watch((observer) => observer.onEnded?.(daemon, reason));
  }
}

function detailsOf(effect: Effect): (string | number | Uint8Array)[] {
  switch (effect.kind) {
    case 'respond': {
      const { status, body, headers } = effect.response;
      const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
      return [effect.id, status, new TextEncoder().encode(JSON.stringify(headers)), bytes];
    }
    case 'stream':
      return [effect.id, effect.piece, effect.isLast ? 'last' : ''];
    case 'append':
      return [effect.from, ...effect.entries, effect.endsChunk ? 'ends chunk' : ''];
    case 'truncate':
    case 'committed':
      return [effect.seqno];
    case 'begin-ledger':
      return [effect.after];
    case 'read-entries':
      return [effect.from, effect.to];
    case 'write-snapshot':
      return [effect.name, effect.bytes];
    case 'commit-snapshot':
      return [effect.name, effect.receipt];
    case 'send':
      return [effect.to.slice(0, 8), effect.message];
    case 'log':
      return [effect.level, effect.message];
    case 'exit':
      return [effect.code, effect.reason];
    case 'fetch':
      return [effect.method, effect.url];
    case 'peers':
      return effect.nodes.map(({ id }) => id.slice(0, 8));
    case 'output':
      return [effect.file];
    case 'identity':
      return [effect.authority];
    case 'attest':
    case 'keep-parcels':
    case 'read-parcels':
    case 'list-parcels':
      return [effect.id];
    case 'drop-parcels':
      return 'folder' in effect ? [effect.folder] : [...effect.paths];
    case 'read-snapshot':
      return [JSON.stringify(effect.snapshot)];
    case 'yield':
      return [];
    default:
      return effect satisfies never;
  }
}

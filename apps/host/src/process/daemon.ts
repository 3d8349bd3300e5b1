import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Effect, Event, EvidenceSource, HostFacts, NodeConfig, NodeFiles } from '@coco/node';
import { Channels } from '../channels/channels.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { readNamedFiles, readText, writeOutput } from '../configuration/named-files.ts';
import { formatAddress, type HostPort } from '../configuration/units.ts';
import { HostError, messageOf } from '../errors.ts';
import { type EvidenceMaker, evidenceMaker } from '../evidence/evidence.ts';
import { Listener } from '../http/listener.ts';
import { holdsLedger } from '../ledger-files/chunk-index.ts';
import { diagnose, staleness } from '../ledger-files/diagnose.ts';
import { LedgerFiles } from '../ledger-files/ledger-files.ts';
import { lockDirectory } from '../ledger-files/lock.ts';
import { ParcelFiles } from '../ledger-files/parcel-files.ts';
import { SnapshotFiles } from '../ledger-files/snapshot-files.ts';
import { limits } from '../limits.ts';
import { type Step, Turns } from '../turns.ts';
import { boundConfiguration } from './bound-configuration.ts';
import { daemonMetrics, memoryFacts } from './facts.ts';
import type { Log } from './log.ts';
import { serveMetrics } from './metrics.ts';
import { perform } from './world.ts';

/** What a node is made of, beside its own code. */
export interface NodeInputs {
  readonly config: NodeConfig;
  readonly files: NodeFiles;
  readonly random: (bytes: number) => Uint8Array;
  /** Wall clock in milliseconds. */
  readonly now: number;
  /** Seqno of the last entry in the ledger files; 0 when there is none. */
  readonly lastEntry: number;
  /** Who makes the node's evidence. */
  readonly evidence: EvidenceSource;
}

/** A node that was just made, and what it asks for first. */
export interface MadeNode {
  readonly step: Step;
  readonly effects: readonly Effect[];
}

/** Makes the node that a daemon runs. */
export type MakeNode = (inputs: NodeInputs) => MadeNode;

/**
 * One node process: it opens the doors, hands what comes in to the node, carries out what the node
 * decides, and ends in order. Nothing of the ledger's rules is here.
 */
export class Daemon {
  readonly #configuration: Configuration;
  readonly #log: Log;
  readonly #listeners: Listener[];
  readonly #channels: Channels;
  readonly #turns: Turns;
  readonly #resources: Disposable[] = [];
  readonly #evidence: EvidenceMaker;
  readonly #ended = Promise.withResolvers<number>();
  #ledger!: LedgerFiles;
  #snapshots!: SnapshotFiles;
  #parcels!: ParcelFiles;
  #step: Step = () => [];
  #lastTick = performance.now();
  /** Long ago: the first tick brings the facts. */
  #lastFacts = Number.NEGATIVE_INFINITY;
  #memoryPeak = 0;
  #stopNotices = 0;
  #isToStop = false;
  #stopping = false;

  constructor(configuration: Configuration, log: Log) {
    this.#configuration = configuration;
    this.#log = log;
    this.#evidence = evidenceMaker(configuration);
    this.#turns = new Turns(
      (events) => this.#step(events),
      (effect) => perform(effect, this.#parts()),
      (error) => this.fail(error),
    );
    this.#listeners = Object.entries(configuration.network.rpc_interfaces).map(
      ([name, rpc]) =>
        new Listener(name, rpc, {
          idleMs: configuration.idle_connection_timeout,
          sink: this.#turns,
          complain: this.#complain,
        }),
    );
    this.#channels = new Channels({
      received: (from, message) => this.#turns.push({ kind: 'received', from, message }),
      channel: (id, state) => this.#turns.push({ kind: 'channel', id, state }),
      dirty: (link) => this.#turns.dirty(link),
      complain: this.#complain,
      note: (what) => this.#line('info', what),
    });
  }

  /**
   * Opens everything and lets the node begin.
   * @throws HostError when something is in the way; nothing stays open then
   */
  async start(makeNode: MakeNode): Promise<void> {
    try {
      await this.#start(makeNode);
    } catch (error) {
      await this.#release();
      throw error;
    }
  }

  /** Resolves with the exit code when the daemon has ended, in whatever way. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Where clients of an interface connect. */
  address(name: string): HostPort | undefined {
    return this.#listeners.find((listener) => listener.name === name)?.address;
  }

  /**
   * A signal asks to stop. The first SIGTERM may only be passed on to the node (`ignore_first_sigterm`); the
   * next one ends the daemon in order, once the node has left its office; one more ends it at once.
   */
  stop(signal: string): void {
    this.#stopNotices += 1;
    const onlyNoted =
      this.#configuration.ignore_first_sigterm && signal === 'SIGTERM' && this.#stopNotices === 1;
    if (this.#stopping || this.#isToStop) {
      this.#line('fail', `${signal} again: ending at once`);
      this.#ended.resolve(1);
      return;
    }
    this.#line('info', onlyNoted ? `${signal}: noted, the next one stops the node` : `${signal}: stopping`);
    this.#turns.push({ kind: 'stop' });
    if (onlyNoted) return;
    this.#isToStop = true;
    const handover = setTimeout(() => void this.#end(0), limits.handoverMsMax);
    this.#resources.push({ [Symbol.dispose]: () => clearTimeout(handover) });
  }

  /** Something broke that must not: nothing more is decided, what was decided is flushed, the daemon ends. */
  fail(error: unknown): void {
    const detail = error instanceof HostError ? error.message : ((error as Error)?.stack ?? messageOf(error));
    this.#line('fatal', detail);
    this.#turns.halt();
    void this.#end(1);
  }

  #line(level: 'debug' | 'info' | 'fail' | 'fatal', message: string): void {
    this.#log.write(level, 'host', message);
  }

  readonly #complain = (what: string): void => this.#line('fail', what);

  async #start(makeNode: MakeNode): Promise<void> {
    const configuration = this.#configuration;
    for (const warning of configuration.warnings) this.#line('info', `configuration: ${warning}`);
    const files = readNamedFiles(configuration);
    this.#openLedger();
    this.#writePid();
    const bound = await this.#listen();
    const config = boundConfiguration(configuration, bound);
    const { source, description } = this.#evidence;
    this.#line(source === 'virtual' ? 'fail' : 'info', description);
    const made = makeNode({
      config,
      files,
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
      now: Date.now(),
      lastEntry: this.#ledger.last,
      evidence: this.#evidence.source,
    });
    this.#step = made.step;
    this.#turns.performAll(made.effects);
    this.#startClock();
    await this.#openMetrics();
  }

  #openLedger(): void {
    const { command, ledger, snapshots, slow_io_logging_threshold: slowMs } = this.#configuration;
    mkdirSync(ledger.directory, { recursive: true });
    this.#resources.push(lockDirectory(ledger.directory));
    if (command.type === 'Start' && holdsLedger(ledger.directory)) {
      const advice = 'to go on with it use the command Recover, to begin anew name another directory';
      throw new HostError('Ledger', `${ledger.directory} holds the ledger of a service: ${advice}`);
    }
    this.#snapshots = new SnapshotFiles(snapshots.directory, snapshots.read_only_directory, (error) =>
      this.#complain(error.message),
    );
    const { directory, read_only_directories: readOnlyDirectories } = ledger;
    this.#parcels = new ParcelFiles(parcelsDirectory(this.#configuration), this.#complain);
    this.#ledger = new LedgerFiles(
      { directory, readOnlyDirectories, mayHaveGaps: command.type === 'Join', slowMs },
      {
        appended: (seqno) => this.#turns.push({ kind: 'appended', seqno }),
        entriesRead: (from, to, entries) => this.#turns.push({ kind: 'entries-read', from, to, entries }),
        unreadable: (why) => this.#complain(`ledger: ${why}`),
        slow: (what, ms) => this.#line('info', `slow: ${what} took ${ms.toFixed(1)} ms`),
        failed: (error) => this.fail(error),
      },
    );
    for (const repair of this.#ledger.repairs) this.#complain(`ledger: ${repair}`);
    const stale = command.type === 'Recover' && staleness(this.#ledger.last, this.#snapshots.committed());
    if (stale) this.#complain(stale);
  }

  /** Why a recovery came to nothing, as far as the files tell. */
  #diagnosis(): string[] {
    const { command } = this.#configuration;
    if (command.type !== 'Recover' || this.#ledger.facts.entries > 0) return [];
    const serviceCertificatePem = readText(command.recover.previous_service_identity_file);
    const snapshots = this.#snapshots.committed();
    return diagnose({ chunks: this.#ledger.paths, snapshots, serviceCertificatePem });
  }

  #writePid(): void {
    const { pid_file: path } = this.#configuration.output_files;
    writeOutput(path, `${process.pid}`);
    this.#resources.push({ [Symbol.dispose]: () => rmSync(path, { force: true }) });
  }

  async #listen(): Promise<{ nodeToNode: HostPort; rpc: Map<string, HostPort> }> {
    const { network, output_files: outputs } = this.#configuration;
    this.#resources.push({ [Symbol.dispose]: () => this.#channels.close() });
    const nodeToNode = await this.#channels.listen(network.node_to_node_interface.bind_address);
    const rpc = new Map<string, HostPort>();
    for (const listener of this.#listeners) {
      const bound = await listener.listen();
      rpc.set(listener.name, bound);
      this.#line('info', `interface ${listener.name} listens on ${formatAddress(bound)}`);
    }
    if (outputs.node_to_node_address_file) {
      writeOutput(outputs.node_to_node_address_file, formatAddress(nodeToNode));
    }
    if (outputs.rpc_addresses_file) {
      const addresses = [...rpc].map(([name, bound]) => [name, formatAddress(bound)]);
      writeOutput(outputs.rpc_addresses_file, JSON.stringify(Object.fromEntries(addresses)));
    }
    return { nodeToNode, rpc };
  }

  #startClock(): void {
    const ticks = setInterval(() => this.#tick(), this.#configuration.tick_interval);
    const sweeps = setInterval(() => {
      for (const listener of this.#listeners) listener.sweep();
    }, limits.sweepMs);
    this.#resources.push({
      [Symbol.dispose]() {
        clearInterval(ticks);
        clearInterval(sweeps);
      },
    });
  }

  #tick(): void {
    const now = performance.now();
    this.#turns.clock.now = now;
    const elapsedMs = now - this.#lastTick;
    this.#lastTick = now;
    const tick: Event = { kind: 'tick', now: Date.now(), elapsedMs };
    if (now - this.#lastFacts < limits.factsMs) {
      this.#turns.push(tick);
    } else {
      this.#lastFacts = now;
      this.#turns.push({ ...tick, host: this.#facts() });
    }
  }

  #facts(): HostFacts {
    const interfaces = Object.fromEntries(
      this.#listeners.map((listener) => [listener.name, listener.facts()]),
    );
    const sum = (field: 'active' | 'peak') =>
      Object.values(interfaces).reduce((total, facts) => total + facts[field], 0);
    const memory = memoryFacts(this.#memoryPeak);
    this.#memoryPeak = memory.peak;
    return { sessions: { active: sum('active'), peak: sum('peak'), interfaces }, memory };
  }

  async #openMetrics(): Promise<void> {
    const { metrics_address: address } = this.#configuration.coco;
    if (address === null) return;
    const collect = () =>
      daemonMetrics(this.#turns.facts, this.#ledger.facts, this.#channels.facts(), this.#facts());
    const served = await serveMetrics(address, collect, this.#complain);
    this.#resources.push(served);
    this.#line('info', `metrics are served on ${formatAddress(served.address)}`);
  }

  #parts() {
    return {
      configuration: this.#configuration,
      ledger: this.#ledger,
      snapshots: this.#snapshots,
      parcels: this.#parcels,
      listeners: this.#listeners,
      channels: this.#channels,
      log: this.#log.write,
      attest: (...asked: Parameters<EvidenceMaker['attest']>) => this.#evidence.attest(...asked),
      tell: (event: Event) => this.#turns.push(event),
      exit: (code: number, reason: string) => this.#exit(code, reason),
    };
  }

  #exit(code: number, reason: string): void {
    this.#line(code === 0 ? 'info' : 'fatal', reason);
    if (code !== 0) {
      this.#turns.halt();
      for (const place of this.#diagnosis()) this.#line('fatal', place);
    }
    void this.#end(code);
  }

  /** Answers what was asked, flushes what was decided, closes what was opened. */
  async #end(code: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const patience = setTimeout(() => {
      this.#line('fail', `not everything could be finished within ${limits.stopMsMax} ms`);
      this.#ended.resolve(code === 0 ? 1 : code);
    }, limits.stopMsMax);
    const closed = this.#listeners.map((listener) => listener.shutdown());
    await this.#turns.quiet();
    if (code !== 0) for (const listener of this.#listeners) listener.destroy();
    await Promise.all(closed);
    await this.#release();
    clearTimeout(patience);
    if (code === 0) this.#line('info', 'stopped');
    this.#ended.resolve(code);
  }

  async #release(): Promise<void> {
    await this.#ledger?.close();
    await this.#snapshots?.idle();
    await this.#parcels?.idle();
    for (const listener of this.#listeners) void listener.shutdown();
    for (const resource of this.#resources.toReversed()) resource[Symbol.dispose]();
    this.#resources.length = 0;
  }
}

/** Beside the ledger rather than in it: whoever is given the ledger to read is not given these. */
function parcelsDirectory({ coco, ledger }: Configuration): string {
  return coco.parcels_directory ?? `${resolve(ledger.directory)}.parcels`;
}

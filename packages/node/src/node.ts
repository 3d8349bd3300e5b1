import { AttestationError } from '@coco/attestation';
import type { Engine } from '@coco/contracts';
import { type Attested, Attester, type EvidenceSource, type NodeEvidence, noNonce } from './attester.ts';
import type { JoinCommand, NodeConfig, NodeFiles, RecoverCommand } from './config.ts';
import { Core, type CoreListener } from './core.ts';
import { Correspondence } from './correspondence.ts';
import type { Effect } from './effect.ts';
import { answerInWaiting } from './endpoints/waiting-room.ts';
import { NodeError } from './errors.ts';
import type { Event } from './event.ts';
import type { RequestEvent } from './frontend/pipeline.ts';
import { createNodeIdentity, presentNode, type Random } from './identity.ts';
import { Joiner } from './join/joiner.ts';
import { keepSnapshot, supersede } from './lifecycle/beginning.ts';
import { createService, publishedInterfaces } from './lifecycle/create.ts';
import { recoverService } from './lifecycle/recover.ts';
import { Recovering } from './lifecycle/recovering.ts';
import { Outbox } from './outbox.ts';
import type { NodeParts } from './parts.ts';
import type { Replica } from './replica.ts';
import type { FoundSnapshot } from './snapshot-search.ts';

/** All a node is made of. What it does to the world leaves as effects. */
export interface NodeOptions {
  readonly config: NodeConfig;
  readonly files: NodeFiles;
  readonly engine: Engine;
  readonly random: Random;
  /** Wall clock at the start, ms. */
  readonly now: number;
  /** Hex SHA-256 of the executable; the host data of virtual evidence. */
  readonly executableDigest: string;
  /** Who makes this node's evidence. Default: nobody, it is virtual. */
  readonly evidence?: EvidenceSource;
  /** Shown by `/node/version`. */
  readonly versions: { readonly product: string; readonly engine: string };
}

/**
 * One replica: events in, effects out, synchronously, in batches. It has no other contact with the world, so that the
 * same events always give the same effects.
 */
export class Node {
  readonly #options: NodeOptions;
  readonly #parts: NodeParts;
  readonly #outbox = new Outbox();
  #core: Core | undefined;
  #evidence: NodeEvidence | undefined;
  #joiner: Joiner | undefined;
  #recovering: Recovering | undefined;
  readonly #listener: CoreListener = {
    superseded: (found) => this.#replaceState(found),
    departed: (reason) => this.#exit(reason, 0),
  };
  /** Somebody was answered, and what follows from that is still to be done. */
  #isUnfinished = false;
  #stops = 0;
  #isOver = false;

  constructor(options: NodeOptions) {
    this.#options = options;
    const { config, engine, random, now, versions, executableDigest } = options;
    const identity = createNodeIdentity(config, now, random);
    const source = options.evidence ?? 'virtual';
    this.#parts = {
      config,
      engine,
      random,
      versions,
      identity,
      outbox: this.#outbox,
      world: new Correspondence(this.#outbox),
      attester: new Attester(identity, this.#outbox, { source, executableDigest }),
      clock: { now, host: undefined },
    };
  }

  /** Hex SHA-256 of the node's public key. */
  get id(): string {
    return this.#parts.identity.id;
  }

  /** The ledger in the making, for whoever watches from the same process; undefined before there is one. */
  get replica(): Replica | undefined {
    return this.#core?.replica;
  }

  /**
   * Begins to live, as the command of the configuration says, once the platform has given evidence. Call once,
   * before any `step`.
   */
  start(): Effect[] {
    this.#parts.attester.ask(noNonce, (result) => {
      if ('error' in result) this.#exit(`This machine gave no evidence of what it runs: ${result.error}`);
      else this.#begin(result.evidence);
    });
    this.#core?.finishStep();
    return this.#outbox.take();
  }

  #begin(evidence: NodeEvidence): void {
    const { config, files } = this.#options;
    const { command } = config;
    this.#evidence = evidence;
    switch (command.type) {
      case 'Start':
        this.#core = createService(this.#parts, command, { files, evidence }, this.#listener);
        break;
      case 'Recover':
        this.#recover(command, evidence);
        break;
      case 'Join':
        this.#join(command, evidence);
        break;
    }
  }

  /** The node goes on from a snapshot, in the same place in consensus. */
  #replaceState(found: FoundSnapshot): void {
    if (!this.#core) return;
    const before = this.#core.leave();
    keepSnapshot(found, this.#outbox);
    this.#core = new Core(this.#parts, supersede(before, found, this.#parts.random), this.#listener);
    this.#core.stopNotice = this.#stops > 0;
    this.#outbox.push({ kind: 'begin-ledger', after: found.loaded.txId.seqno });
    this.#outbox.log('info', `This node goes on after snapshot ${found.name}.`);
  }

  #recover(command: RecoverCommand, evidence: NodeEvidence): void {
    const { files } = this.#options;
    const previousServicePem = files.serviceCertificatePem;
    if (previousServicePem === null) {
      this.#exit('A recovery needs the certificate of the lost service (previous_service_identity_file).');
      return;
    }
    this.#recovering = new Recovering(this.#parts, previousServicePem, {
      recovered: (ledger) => {
        this.#recovering = undefined;
        const given = { ledger, files, previousServicePem, evidence };
        this.#core = recoverService(this.#parts, command, given, this.#listener);
        const upTo = `up to its last signature, ${ledger.lastSigned}`;
        this.#outbox.log('info', `Recovered the public ledger ${upTo}.`);
      },
      failed: (reason) => this.#exit(`Recovery failed: ${reason}`),
    });
    this.#recovering.start();
  }

  #join({ join }: JoinCommand, evidence: NodeEvidence): void {
    const { files } = this.#options;
    if (files.serviceCertificatePem === null) {
      this.#exit('A node needs the certificate of the service it is to join (service_certificate_file).');
      return;
    }
    presentNode(this.#parts.identity, this.#outbox);
    const options = {
      command: join,
      servicePem: files.serviceCertificatePem,
      nodeData: files.nodeData,
      evidence,
    };
    this.#joiner = new Joiner(this.#parts, options, {
      joined: (beginning) => {
        this.#joiner = undefined;
        this.#core = new Core(this.#parts, beginning, this.#listener);
        this.#core.present();
        this.#outbox.log('info', `Joined the service; the ledger begins after ${beginning.origin.seqno}.`);
      },
      refused: (reason) => this.#exit(reason),
    });
    this.#joiner.start();
  }

  #attested(id: number, result: Attested): void {
    try {
      this.#parts.attester.attested(id, result);
    } catch (error) {
      if (!(error instanceof AttestationError)) throw error;
      this.#exit(`The evidence of this machine is refused: ${error.code}: ${error.message}`);
    }
  }

  /** Takes a batch of events and answers with everything that follows from them, in order. */
  step(events: readonly Event[]): Effect[] {
    if (this.#isOver) return [];
    try {
      this.#step(events);
    } catch (error) {
      // What another node did must end this one in order; a broken assertion of its own ends the process.
      if (!(error instanceof NodeError)) throw error;
      this.#exit(error.message);
    }
    return this.#outbox.take();
  }

  #step(events: readonly Event[]): void {
    if (this.#isUnfinished) this.#finish();
    if (events.every(({ kind }) => kind === 'resumed')) return;
    const requests: RequestEvent[] = [];
    for (const event of events) {
      if (event.kind === 'request') requests.push(event);
      else this.#take(event);
    }
    if (this.#core) this.#core.handle(requests);
    else for (const event of requests) this.#answerInWaiting(event);
    this.#isUnfinished = this.#outbox.answers;
    if (this.#isUnfinished) this.#outbox.push({ kind: 'yield' });
    else this.#finish();
  }

  #finish(): void {
    this.#isUnfinished = false;
    this.#core?.finishStep();
  }

  #take(event: Exclude<Event, RequestEvent>): void {
    switch (event.kind) {
      case 'tick':
        this.#parts.clock.now = event.now;
        if (event.host) this.#parts.clock.host = event.host;
        this.#core?.tick(event.elapsedMs);
        this.#joiner?.tick(event.elapsedMs);
        return;
      case 'appended':
        this.#core?.replica.appended(event.seqno);
        return;
      case 'entries-read':
        this.#entriesRead(event.from, event.entries);
        return;
      case 'attested':
        this.#attested(event.id, event.result);
        return;
      case 'stop':
        this.#stop();
        return;
      case 'received':
        this.#core?.received(event.from, event.message);
        return;
      case 'channel':
        this.#core?.channel(event.id, event.state);
        return;
      case 'snapshot-read': {
        const { kind: _, id, ...piece } = event;
        this.#read(() => this.#parts.world.snapshotRead(id, piece));
        return;
      }
      case 'parcels-kept':
      case 'parcels-read':
      case 'parcels-listed':
        this.#parts.world.parcelsAnswered(event);
        return;
      case 'fetched':
        this.#parts.world.fetched(event.id, event.result);
        return;
      case 'streamed':
        this.#core?.events.sent(event.id);
        return;
      case 'abandoned':
        this.#core?.events.abandoned(event.id);
        return;
      case 'snapshotted':
      case 'resumed':
        return;
      default:
        event satisfies never;
    }
  }

  #entriesRead(from: number, entries: readonly Uint8Array[]): void {
    this.#read(() => {
      if (this.#recovering) this.#recovering.entriesRead(from, entries);
      else this.#core?.entriesRead(from, entries);
    });
  }

  /** Takes what the host read; files that are not what they should be end a node that needs them. */
  #read(take: () => void): void {
    try {
      take();
    } catch (error) {
      this.#exit(`Recovery failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #answerInWaiting({ id, request }: RequestEvent): void {
    const { identity, versions } = this.#parts;
    const { config, files } = this.#options;
    const node = {
      status: this.#joiner ? ('Pending' as const) : ('ReadingPublicLedger' as const),
      identity,
      info: { rpc_interfaces: publishedInterfaces(config), node_data: files.nodeData },
      startupSeqno: this.#joiner?.startupSeqno ?? 0,
      stopNotice: this.#stops > 0,
      versions,
    };
    const response = answerInWaiting(node, request.method, request.target);
    this.#outbox.push({ kind: 'respond', id, response });
  }

  #stop(): void {
    this.#stops++;
    const isOnlyNoted = this.#options.config.ignore_first_sigterm && this.#stops === 1;
    const over = (): void => {
      if (!isOnlyNoted) this.#outbox.push({ kind: 'exit', code: 0, reason: 'Stopped by its operator.' });
    };
    if (!this.#core) {
      over();
      return;
    }
    this.#core.stopNotice = true;
    this.#core.handOver(over);
  }

  #exit(reason: string, code = 1): void {
    this.#isOver = true;
    this.#outbox.push({ kind: 'exit', code, reason });
  }
}

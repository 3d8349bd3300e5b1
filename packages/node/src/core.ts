import type { Origin, RetirementPhase } from '@coco/consensus';
import type { AppWorld, Engine } from '@coco/contracts';
import { parseCertificate } from '@coco/crypto';
import {
  decryptForNode,
  encryptedLedgerSecrets,
  nodeEndorsedCertificates,
  type ServiceStatus,
  serviceInfo,
  snapshotEvidence,
} from '@coco/governance';
import type { ByteString, WriteSet } from '@coco/kv';
import { buildReceipt, buildSignature, parseRootSignature, singletonKey, tables } from '@coco/ledger';
import { EventStreams } from './access/event-streams.ts';
import { NodeAccess } from './access/node-access.ts';
import { GovernanceActions } from './actions.ts';
import { Application } from './application.ts';
import type { Attester } from './attester.ts';
import type { NodeConfig } from './config.ts';
import { ContractLog } from './contract-log.ts';
import type { Correspondence } from './correspondence.ts';
import type { Peer } from './effect.ts';
import { type NodeStatus, type NodeView, statusOf } from './endpoints/context.ts';
import { builtinRoutes } from './endpoints/routes.ts';
import type { HostFacts } from './event.ts';
import { Forwarding } from './forwarding.ts';
import type { Answer } from './frontend/answer.ts';
import { AppCalls } from './frontend/app-calls.ts';
import { appWorld } from './frontend/app-world.ts';
import { Authentication } from './frontend/authentication.ts';
import { CurrentReads } from './frontend/current-reads.ts';
import { GovernanceDoor } from './frontend/governance-door.ts';
import { Pipeline, type RequestEvent } from './frontend/pipeline.ts';
import { Routing } from './frontend/routing.ts';
import { SnapshotDoor } from './frontend/snapshot-door.ts';
import { HistoricalQueries } from './historical.ts';
import {
  type NodeIdentity,
  presentNode,
  type Random,
  renewSelfSigned,
  type ServiceIdentity,
} from './identity.ts';
import type { IndexSource } from './indexing/builder.ts';
import { Indexer } from './indexing/indexer.ts';
import { JoinDoor } from './join/door.ts';
import type { Outbox } from './outbox.ts';
import { Peers } from './peers.ts';
import type { PreviousServices } from './previous-services.ts';
import { Replica, type ReplicaState } from './replica.ts';
import { signatureIsDue } from './signing.ts';
import { Snapshots } from './snapshots.ts';
import { StandingKeeper } from './standing-keeper.ts';
import { UndoDesk } from './undo/undo-desk.ts';
import { type ReceiptMaker, Waiting } from './waiting.ts';
import { decodeWire } from './wire.ts';

/** What stays with a node for its whole life. */
export interface NodeParts {
  readonly config: NodeConfig;
  readonly engine: Engine;
  readonly random: Random;
  readonly identity: NodeIdentity;
  readonly versions: { readonly product: string; readonly engine: string };
  readonly outbox: Outbox;
  readonly world: Correspondence;
  readonly attester: Attester;
  /** Wall clock of the latest tick, ms. */
  readonly clock: { now: number; host: HostFacts | undefined };
}

/** What a node begins to serve with: made at genesis or brought back by recovery. */
export interface Beginning {
  readonly state: ReplicaState;
  readonly origin: Origin;
  readonly service: ServiceIdentity;
  /** PEM of the node's certificate endorsed by the service. */
  readonly endorsedPem: string;
  readonly previousServices: PreviousServices;
  readonly cose: { readonly issuer: string; readonly subject: string };
  /** Nodes the service named when it admitted this one. */
  readonly introduced?: readonly Peer[];
}

/** What the core tells the life cycle above it. */
export interface CoreListener {
  privateLedgerOpened(latestSecret: Uint8Array): void;
}

/** A node that holds a ledger and serves: the parts, and the order in which they work. */
export class Core implements NodeView {
  readonly config: NodeConfig;
  readonly identity: NodeIdentity;
  readonly replica: Replica;
  readonly historical: HistoricalQueries;
  readonly application: Application;
  readonly indexer: Indexer;
  readonly access: NodeAccess;
  readonly undo: UndoDesk;
  readonly contractLog: ContractLog;
  readonly events: EventStreams;
  readonly actions: GovernanceActions;
  readonly startupSeqno: number;
  readonly joinDoor: JoinDoor;
  lastRecovered = 0;
  readonly versions: NodeParts['versions'];
  status: NodeStatus = 'PartOfNetwork';
  stopNotice = false;
  recovery: { readonly target: number; readonly done: number } | undefined;
  service: ServiceIdentity;

  readonly #parts: NodeParts;
  readonly #beginning: Beginning;
  readonly #listener: CoreListener;
  readonly #pipeline: Pipeline;
  readonly #waiting: Waiting;
  readonly #snapshots: Snapshots;
  readonly #forwarding: Forwarding;
  readonly #currentReads: CurrentReads;
  readonly #peers: Peers;
  readonly #standing: StandingKeeper;
  #endorsedPem: string;
  /** Requests of other nodes' clients that came in this step. */
  #passedOn: RequestEvent[] = [];
  #serviceStatus: ServiceStatus | undefined | null = null;
  #signatureWanted = false;
  #lastSignedAt = 0;

  constructor(parts: NodeParts, beginning: Beginning, listener: CoreListener) {
    this.#parts = parts;
    this.#beginning = beginning;
    this.#listener = listener;
    this.config = parts.config;
    this.identity = parts.identity;
    this.versions = parts.versions;
    this.service = beginning.service;
    this.startupSeqno = beginning.origin.seqno;
    this.#endorsedPem = beginning.endorsedPem;
    const { outbox, engine, random } = parts;
    this.replica = this.#makeReplica();
    this.#peers = new Peers(this.replica.store, outbox, this.identity.id, beginning.introduced);
    this.#peers.refresh();
    this.#snapshots = new Snapshots(this.replica, outbox, parts.config.snapshots.tx_count);
    this.historical = new HistoricalQueries(this.#historicalSource(), outbox);
    this.application = new Application(engine, this.replica.store, outbox);
    this.indexer = new Indexer(this.replica.store, this.application, this.#indexSource());
    const { store, secrets } = this.replica;
    this.undo = new UndoDesk({ store, secrets, application: this.application, historical: this.historical });
    this.actions = this.#makeActions();
    this.joinDoor = new JoinDoor({ node: this, service: () => this.service, cose: beginning.cose, random });
    const authentication = new Authentication(this.replica.store);
    this.access = new NodeAccess(this.replica.store, random, authentication);
    this.contractLog = new ContractLog(this.replica.store, authentication);
    this.#forwarding = new Forwarding(outbox);
    const respond = (id: number, response: Answer): void => {
      if (id < 0) this.#forwarding.answer(id, response);
      else outbox.push({ kind: 'respond', id, response });
    };
    this.#waiting = new Waiting(respond);
    this.#currentReads = new CurrentReads(this, {
      resume: (event) => this.#pipeline.resume(event),
      respond,
    });
    this.events = new EventStreams(this, outbox);
    this.#waiting = new Waiting((id, response) => outbox.push({ kind: 'respond', id, response }));
    this.#pipeline = new Pipeline({
      node: this,
      routes: builtinRoutes(),
      appCalls: new AppCalls({
        node: this,
        authentication,
        world: this.#appWorld(),
        outbox,
        finish: (event, answer, outcome) => this.#pipeline.finish(event, answer, outcome),
        leadsElsewhere: (event, rule) => this.#pipeline.leadsElsewhere(event, rule),
      }),
      governance: new GovernanceDoor({
        node: this,
        engine,
        authentication,
        actions: this.actions,
        outbox,
        random,
      }),
      snapshots: new SnapshotDoor(this, parts.world),
      routing: new Routing(this, this.#forwarding, random),
      currentReads: this.#currentReads,
      waiting: this.#waiting,
      respond,
    });
    this.#standing = new StandingKeeper({
      id: this.identity.id,
      replica: this.replica,
      attester: parts.attester,
      outbox,
      now: () => this.now,
    });
    this.#watchTables();
  }

  get now(): number {
    return this.#parts.clock.now;
  }

  get hostFacts(): HostFacts | undefined {
    return this.#parts.clock.host;
  }

  /** Status of the service, as of the latest transaction. */
  get serviceStatus(): ServiceStatus | undefined {
    if (this.#serviceStatus === null)
      this.#serviceStatus = serviceInfo.get(this.replica.store.begin())?.status;
    return this.#serviceStatus;
  }

  /** Answers requests in their order, those that other nodes passed on after the host's own; see `Pipeline`. */
  handle(requests: readonly RequestEvent[]): void {
    const passedOn = this.#passedOn;
    this.#passedOn = [];
    this.#pipeline.handle(passedOn.length === 0 ? requests : [...requests, ...passedOn]);
  }

  /** Takes what another node said; what is no message, or of a stranger, is left alone. */
  received(from: string, bytes: Uint8Array): void {
    if (!this.#peers.has(from)) return;
    const message = this.#decode(from, bytes);
    switch (message?.kind) {
      case 'consensus':
        this.replica.step({ kind: 'received', from, message: message.message });
        return;
      case 'request': {
        const event = this.#forwarding.received(from, message);
        if (event) this.#passedOn.push(event);
        return;
      }
      case 'answer':
        this.#forwarding.answered(from, message);
        return;
      case 'peers':
        this.#peers.heard(from, message.nodes);
        return;
      case 'evidence':
        this.#standing.received(from, message);
        return;
      default:
        message satisfies undefined;
    }
  }

  /** A channel to another node came up, or was lost. */
  channel(id: string, state: 'up' | 'down'): void {
    if (state === 'up') this.#peers.greet(id);
    else this.#forwarding.lost(id);
  }

  #decode(from: string, bytes: Uint8Array): ReturnType<typeof decodeWire> | undefined {
    try {
      return decodeWire(bytes);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#parts.outbox.log('fail', `Node ${from} sent what is no message: ${error.message}`);
      return undefined;
    }
  }

  tick(elapsedMs: number): void {
    this.replica.step({ kind: 'tick', ticks: elapsedMs });
    this.historical.tick(this.now);
    this.#waiting.expire(this.now);
    this.#forwarding.expire(this.now);
    this.#standing.tick(elapsedMs);
  }

  /** Signs if a signature is due, and proposes what has gathered in this step. */
  finishStep(): void {
    const { replica } = this;
    this.#standing.step();
    this.#snapshots.step();
    this.events.step();
    // Until the private maps are read there is nothing to index them by.
    if (this.status === 'PartOfNetwork') this.indexer.step();
    this.undo.step();
    const state = {
      unsigned: replica.unsigned,
      inFlight: replica.signatureInFlight,
      sinceLastMs: this.now - this.#lastSignedAt,
      awaited: this.#waiting.size > 0,
    };
    const { tx_count: txCount, delay: delayMs } = this.config.ledger_signatures;
    if (replica.isPrimary && (this.#signatureWanted || signatureIsDue(state, { txCount, delayMs })))
      this.sign();
    replica.propose();
  }

  /** Appends a signature over everything so far. */
  sign(): void {
    const { replica, identity } = this;
    const seqno = replica.nextSeqno;
    this.#signatureWanted = false;
    this.#lastSignedAt = this.now;
    if (seqno <= 1) return;
    const writeSet = buildSignature({
      view: replica.raft.view,
      seqno,
      history: replica.history,
      nodeKey: identity.key,
      nodeId: identity.id,
      nodeCert: this.#endorsedPem,
      serviceKey: this.service.key,
      cose: this.#beginning.cose,
      nowSeconds: Math.floor(this.now / 1000),
      commit: replica.committed ?? { view: 0, seqno: 0 },
      treeFrom: Math.max(replica.history.flushed, replica.lastSigned),
    });
    if (this.#waiting.wantsReceipts || this.#snapshots.wantsReceipts) this.#giveReceipts(seqno, writeSet);
    const takesSnapshot = this.#snapshots.isDue(seqno);
    if (takesSnapshot) replica.forceChunk();
    const { txId, leaf } = replica.appendSignature(writeSet);
    if (takesSnapshot) this.#snapshots.begin(txId, leaf);
  }

  #giveReceipts(seqno: number, writeSet: WriteSet): void {
    const value = writeSet.get(tables.signatures)?.get(singletonKey) as ByteString;
    const signature = { ...parseRootSignature(value), nodeCert: this.#endorsedPem };
    const make: ReceiptMaker = (of, leaf) => buildReceipt(signature, leaf, this.replica.history.proof(of));
    this.#waiting.signed(seqno, make);
    this.#snapshots.signed(seqno, make);
  }

  #makeReplica(): Replica {
    const { config, outbox, identity, random } = this.#parts;
    const { state, origin } = this.#beginning;
    const options = {
      id: identity.id,
      origin,
      config,
      random: uniform(random),
      serviceKeyId: this.service.key.publicKey.id,
    };
    return new Replica(state, options, outbox, {
      signatureWanted: () => {
        this.#signatureWanted = true;
      },
      committed: (seqno) => {
        this.#waiting.committed(seqno);
        this.#snapshots.committed(seqno);
      },
      rolledBack: (seqno) => {
        this.#waiting.rolledBack(seqno);
        this.#snapshots.rolledBack(seqno);
      },
      applied: (seqno, writeSet) => this.#applied(seqno, writeSet),
      roleChanged: () => this.#snapshots.roleChanged(),
      retiring: (phase) => this.#retiring(phase),
      snapshotNeeded: () => undefined,
      confirmed: (context) => this.#currentReads.confirmed(context),
      unconfirmed: (context) => this.#currentReads.unconfirmed(context),
    });
  }

  /** What an entry of another primary means for this node alone. */
  #applied(seqno: number, writeSet: WriteSet): void {
    if (!writeSet.has(encryptedLedgerSecrets.name)) return;
    const { store, secrets } = this.replica;
    for (const { from, raw } of decryptForNode(
      store.begin(),
      this.identity.id,
      this.identity.encryptionKey,
    )) {
      if (from === undefined && secrets.latest()?.from !== seqno + 1) secrets.add(seqno + 1, raw);
    }
  }

  #retiring(phase: RetirementPhase | null): void {
    const { outbox } = this.#parts;
    if (phase === 'RetiredCommitted')
      outbox.log('info', 'This node is retired and the service goes on without it: it may be stopped.');
    else
      outbox.log(
        'info',
        phase === null ? 'This node is not retired after all.' : `Retirement of this node: ${phase}.`,
      );
  }

  #makeActions(): GovernanceActions {
    return new GovernanceActions({
      replica: this.replica,
      service: () => this.service,
      random: this.#parts.random,
      now: () => this.now,
      isReadingPrivateLedger: () => this.status === 'ReadingPrivateLedger',
      listener: {
        serviceOpened: () => this.#parts.outbox.log('info', 'The service is open.'),
        snapshotWanted: () => this.#snapshots.want(),
        privateLedgerOpened: (secret) => this.#listener.privateLedgerOpened(secret),
      },
    });
  }

  #historicalSource() {
    const { previousServices } = this.#beginning;
    return {
      secrets: this.replica.secrets,
      signatureAfter: (seqno: number) => {
        const next = this.replica.signatures.after(seqno - 1);
        return next !== undefined && next <= this.replica.raft.commit ? next : undefined;
      },
      endorsementsAt: (seqno: number) => previousServices.endorsementsAt(seqno, this.service),
      serviceCertificate: () => this.service.certificate.pem,
    };
  }

  #indexSource(): IndexSource {
    const { replica } = this;
    const now = () => this.now;
    return {
      get now() {
        return now();
      },
      get committed() {
        return replica.raft.commit;
      },
      get latest() {
        return replica.store.version;
      },
      stateAt: (committed) => replica.store.at(committed),
      past: (handle, from, to) => {
        const isAbsent = this.historical.hasFailed(handle);
        const states = isAbsent ? 'absent' : this.historical.request(handle, from, to);
        if (states !== null) this.historical.drop(handle);
        return states;
      },
    };
  }

  #appWorld(): AppWorld {
    return appWorld({
      node: this,
      random: this.#parts.random,
      statusOf: (txId) => statusOf(this.replica, txId),
    });
  }

  #watchTables(): void {
    const { store } = this.replica;
    store.onWrite(serviceInfo.name, () => this.#readService());
    store.onWrite(nodeEndorsedCertificates.name, () => this.#readEndorsement());
    store.onWrite(snapshotEvidence.name, () => {
      const evidence = snapshotEvidence.get(store.begin());
      if (evidence) this.#snapshots.taken(evidence.version);
    });
    store.onRollback(() => {
      this.#readService();
      this.#readEndorsement();
    });
  }

  /** The certificate of the service may have been renewed; its key is another only in an epoch before this node's. */
  #readService(): void {
    this.#serviceStatus = null;
    const cert = serviceInfo.get(this.replica.store.begin())?.cert;
    if (cert === undefined || cert === this.service.certificate.pem) return;
    const certificate = parseCertificate(cert);
    if (certificate.publicKey.id !== this.service.key.publicKey.id) return;
    this.service = { key: this.service.key, certificate };
    this.#publishService();
  }

  /** Members may have given this node's certificate another period; the one it made itself then gets the same. */
  #readEndorsement(): void {
    const pem = nodeEndorsedCertificates.get(this.replica.store.begin(), this.identity.id);
    if (pem === undefined || pem === this.#endorsedPem) return;
    this.#endorsedPem = pem;
    const { config, random } = this.#parts;
    this.identity.selfSignedPem = renewSelfSigned(this.identity.key, config, parseCertificate(pem), random);
    this.present();
  }

  /** Tells the host whom the listeners are to present, and which service this is. */
  present(): void {
    presentNode(this.identity, this.#parts.outbox, this.#endorsedPem);
    this.#publishService();
  }

  /** A joiner was given the certificate by its operator, who may keep it where it may not be written. */
  #publishService(): void {
    if (this.config.command.type === 'Join') return;
    const { pem } = this.service.certificate;
    this.#parts.outbox.push({ kind: 'output', file: 'service-certificate', text: pem });
  }
}

/** A number in [0, 1) from random bytes. */
function uniform(random: Random): () => number {
  return () => {
    const [a = 0, b = 0, c = 0, d = 0] = random(4);
    return (a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / 2 ** 32;
  };
}

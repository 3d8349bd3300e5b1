import type { AppWorld } from '@coco/contracts';
import {
  decryptForNode,
  encryptedLedgerSecrets,
  givesNextSecret,
  type ServiceStatus,
  serviceInfo,
} from '@coco/governance';
import type { WriteSet } from '@coco/kv';
import { Cover } from './access/cover.ts';
import { EventStreams } from './access/event-streams.ts';
import { NodeAccess } from './access/node-access.ts';
import { GovernanceActions } from './actions.ts';
import { Application } from './application.ts';
import { CatchUp } from './catch-up.ts';
import { Clearance } from './clearance.ts';
import type { NodeConfig } from './config.ts';
import { ContractLog } from './contract-log.ts';
import { Credentials } from './credentials.ts';
import { Departure } from './departure.ts';
import { Distrust } from './distrust.ts';
import { type NodeStatus, type NodeView, statusOf } from './endpoints/context.ts';
import { builtinRoutes } from './endpoints/routes.ts';
import { EntryLoans } from './entry-loans.ts';
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
import { Handover } from './handover.ts';
import { HistoricalQueries } from './historical.ts';
import type { NodeIdentity, ServiceIdentity } from './identity.ts';
import type { IndexSource } from './indexing/builder.ts';
import { Indexer } from './indexing/indexer.ts';
import { JoinDoor } from './join/door.ts';
import { Reopening } from './lifecycle/reopening.ts';
import { ParcelKeeper } from './parcels/parcel-keeper.ts';
import type { Beginning, Kept, NodeParts } from './parts.ts';
import { Peers } from './peers.ts';
import { Replica } from './replica.ts';
import { takeSeat } from './seat.ts';
import { Signer } from './signer.ts';
import type { FoundSnapshot } from './snapshot-search.ts';
import { Snapshots } from './snapshots.ts';
import { StandingKeeper } from './standing-keeper.ts';
import { Switchboard } from './switchboard.ts';
import { UndoDesk } from './undo/undo-desk.ts';
import { Waiting } from './waiting.ts';
import { encodeWire } from './wire.ts';

/** What the core asks of the life cycle above it. */
export interface CoreListener {
  /** The state is to be replaced by a snapshot, which was verified. */
  superseded(found: FoundSnapshot): void;
  /** The service goes on without this node, which has ended. */
  departed(reason: string): void;
}

type Respond = (id: number, response: Answer) => void;

/** A node that holds a ledger and serves: the parts, and the order in which they work. */
export class Core implements NodeView {
  readonly config: NodeConfig;
  readonly identity: NodeIdentity;
  readonly replica: Replica;
  readonly historical: HistoricalQueries;
  readonly application: Application;
  readonly indexer: Indexer;
  readonly access: NodeAccess;
  readonly cover: Cover;
  readonly parcels: ParcelKeeper;
  readonly undo: UndoDesk;
  readonly contractLog: ContractLog;
  readonly events: EventStreams;
  readonly actions: GovernanceActions;
  readonly startupSeqno: number;
  readonly joinDoor: JoinDoor;
  readonly versions: NodeParts['versions'];
  stopNotice = false;

  readonly #parts: NodeParts;
  readonly #beginning: Beginning;
  readonly #reopening: Reopening;
  readonly #pipeline: Pipeline;
  readonly #waiting: Waiting;
  readonly #handover: Handover;
  readonly #snapshots: Snapshots;
  readonly #signer: Signer;
  readonly #forwarding: Forwarding;
  readonly #currentReads: CurrentReads;
  readonly #peers: Peers;
  readonly #loans: EntryLoans;
  readonly #standing: StandingKeeper;
  readonly #distrust: Distrust;
  readonly #catchUp: CatchUp;
  readonly #credentials: Credentials;
  readonly #clearance: Clearance;
  readonly #departure: Departure;
  readonly #switchboard: Switchboard;
  #serviceStatus: ServiceStatus | undefined | null = null;

  constructor(parts: NodeParts, beginning: Beginning, listener: CoreListener) {
    this.#parts = parts;
    this.#beginning = beginning;
    this.config = parts.config;
    this.identity = parts.identity;
    this.versions = parts.versions;
    this.startupSeqno = beginning.origin.seqno;
    const { outbox, engine, random } = parts;
    this.#credentials = new Credentials(parts, beginning, {
      serviceChanged: () => {
        this.#serviceStatus = null;
      },
      epochBegan: (seqno) => this.#reopening.epochBegan(seqno),
    });
    this.replica = this.#makeReplica();
    this.#clearance = new Clearance(this.replica.store, this.identity.id);
    this.#distrust = new Distrust(this.replica);
    this.#departure = new Departure({
      id: this.identity.id,
      store: this.replica.store,
      outbox,
      tookPart: beginning.kept?.tookPart ?? false,
      gone: (reason) => listener.departed(reason),
    });
    this.#reopening = new Reopening(beginning.reopening, {
      replica: this.replica,
      outbox,
      random,
      lineageRead: (lineage) => this.undo.precede(lineage),
      // Nodes that join can have no older one: those are vouched for by the identity that was lost.
      opened: () => this.#snapshots.want(),
    });
    this.#peers = new Peers(this.replica.store, outbox, this.identity.id, beginning.introduced);
    this.#peers.refresh();
    this.#snapshots = new Snapshots(this.replica, outbox, parts.config.snapshots.tx_count);
    this.#loans = new EntryLoans({
      outbox,
      reachable: () => this.#peers.known.map(({ id }) => id).filter((id) => !this.#forwarding.isAway(id)),
      committed: () => this.replica.raft.commit,
      now: () => this.now,
      given: (from, entries) => this.historical.lent(from, entries),
    });
    this.historical = new HistoricalQueries(this.#historicalSource(), outbox, this.#loans);
    this.application = new Application(engine, this.replica.store, outbox);
    this.indexer = new Indexer(this.replica.store, this.application, this.#indexSource());
    this.actions = this.#makeActions();
    this.joinDoor = new JoinDoor({ node: this, service: () => this.service, cose: beginning.cose, random });
    const authentication = new Authentication(this.replica.store);
    this.access = new NodeAccess(this.replica.store, random, authentication);
    this.undo = new UndoDesk(this);
    this.contractLog = new ContractLog(this.replica.store, authentication);
    this.#forwarding = beginning.kept?.forwarding ?? new Forwarding(outbox);
    this.cover = new Cover(this, random, () => this.#signer.want());
    const isAway = (node: string) => this.#forwarding.isAway(node);
    this.parcels = new ParcelKeeper(this, { world: parts.world, outbox, isAway });
    this.#catchUp = new CatchUp(
      parts,
      this.replica,
      this.#peers,
      () => this.#servicePem,
      (found) => listener.superseded(found),
    );
    const respond: Respond = (id, response) => {
      if (id < 0) this.#forwarding.answer(id, response);
      else outbox.push({ kind: 'respond', id, response });
    };
    this.#waiting = new Waiting(respond);
    this.#handover = new Handover(this.replica, this.#waiting, (id) => this.#forwarding.isAway(id));
    this.#signer = this.#makeSigner();
    this.#currentReads = new CurrentReads(this, {
      resume: (event) => this.#pipeline.resume(event),
      respond,
    });
    this.events = new EventStreams(this, outbox);
    this.#pipeline = this.#makePipeline(authentication, respond);
    this.#standing = new StandingKeeper({
      id: this.identity.id,
      replica: this.replica,
      attester: parts.attester,
      outbox,
      now: () => this.now,
    });
    this.#switchboard = new Switchboard({
      outbox,
      peers: this.#peers,
      forwarding: this.#forwarding,
      loans: this.#loans,
      parcels: this.parcels,
      consensus: (from, message) => {
        if (this.#distrust.mayHear(from, message)) this.replica.step({ kind: 'received', from, message });
      },
      evidence: (from, renewal) => this.#standing.received(from, renewal),
      candidate: (id, from) => this.#guide(id, from),
    });
  }

  /** Leaves the office to another node, if this one has it; then calls `over`. */
  handOver(over: () => void): void {
    this.#handover.begin(over);
  }

  /** Ends this state: whoever waits is answered, and what outlives it is handed over. */
  leave(): Beginning & { readonly kept: Kept } {
    this.#waiting.expire(Number.POSITIVE_INFINITY);
    this.parcels.leave();
    const { tookPart } = this.#departure;
    const kept = { seat: this.replica.seat, forwarding: this.#forwarding, tookPart };
    const introduced = this.#peers.known;
    const { endorsedPem } = this.#credentials;
    const { service } = this.#credentials;
    return { ...this.#beginning, service, endorsedPem, introduced, kept };
  }

  /** The service with its key, on a node that holds it: only such a node is ever asked to use it. */
  get service(): ServiceIdentity {
    const { certificate, key } = this.#credentials.service;
    if (key === undefined) throw new Error('a node that may only verify was to act as the service');
    return { certificate, key };
  }

  get #servicePem(): string {
    return this.#credentials.service.certificate.pem;
  }

  get verifiesOnly(): boolean {
    return this.#reopening.verifiesOnly || !this.#clearance.mayHoldSecrets;
  }

  get isRetired(): boolean {
    return this.#departure.isOut;
  }

  get status(): NodeStatus {
    return this.#reopening.status;
  }

  get recovery(): { readonly target: number; readonly done: number } | undefined {
    return this.#reopening.progress;
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
    const passedOn = this.#switchboard.takeRequests();
    this.#pipeline.handle(passedOn.length === 0 ? requests : [...requests, ...passedOn]);
  }

  /** Takes what another node said. */
  received(from: string, bytes: Uint8Array): void {
    this.#switchboard.received(from, bytes);
  }

  /** A channel to another node came up, or was lost. */
  channel(id: string, state: 'up' | 'down'): void {
    this.#switchboard.channel(id, state);
  }

  /** Tells the host whom the listeners are to present, and which service this is. */
  present(): void {
    this.#credentials.present();
  }

  /** The host has read entries back, for whoever asked. */
  entriesRead(from: number, entries: readonly Uint8Array[]): void {
    this.#reopening.entriesRead(from, entries);
    this.historical.entriesRead(from, entries);
    this.#loans.entriesRead(from, entries);
    this.replica.entriesRead(from, entries);
  }

  tick(elapsedMs: number): void {
    this.replica.step({ kind: 'tick', ticks: elapsedMs });
    this.historical.tick(this.now);
    this.#loans.tick();
    this.#waiting.expire(this.now);
    this.#forwarding.expire(this.now);
    this.parcels.tick(elapsedMs);
    this.#standing.tick(elapsedMs);
    this.#distrust.tick(elapsedMs);
    this.#departure.tick(elapsedMs);
    this.#handover.tick(elapsedMs);
    this.#signer.tick();
  }

  /** Signs if a signature is due, and proposes what has gathered in this step. */
  finishStep(): void {
    this.#standing.step();
    this.#reopening.step();
    this.#snapshots.step();
    this.events.step();
    // Until the private maps are read there is nothing to index them by.
    if (this.status === 'PartOfNetwork') this.indexer.step();
    this.undo.step();
    this.#pipeline.step();
    this.cover.step();
    this.#signer.step();
    if (this.replica.unsigned === 0 || !this.cover.holds) this.replica.propose();
    this.#handover.step();
  }

  #makePipeline(authentication: Authentication, respond: Respond): Pipeline {
    const { engine, outbox, random, world } = this.#parts;
    return new Pipeline({
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
      snapshots: new SnapshotDoor(this, world),
      routing: new Routing(this, this.#forwarding, random),
      currentReads: this.#currentReads,
      waiting: this.#waiting,
      respond,
    });
  }

  #makeSigner(): Signer {
    return new Signer({
      config: this.config,
      replica: this.replica,
      identity: this.identity,
      cose: this.#beginning.cose,
      waiting: this.#waiting,
      snapshots: this.#snapshots,
      service: () => this.service,
      endorsedPem: () => this.#credentials.endorsedPem,
      now: () => this.now,
      isHeld: () => this.cover.holds,
      isWhole: () => this.status === 'PartOfNetwork',
      standing: () => this.undo.standings.root,
    });
  }

  #makeReplica(): Replica {
    const { config, outbox, identity, random } = this.#parts;
    const { state, origin } = this.#beginning;
    const kept = this.#beginning.kept;
    kept?.seat.raft.step({ kind: 'installed', origin });
    const options = {
      seat: kept?.seat ?? takeSeat({ id: identity.id, origin, config, random }),
      config,
      serviceKeyId: this.#credentials.service.certificate.publicKey.id,
    };
    return new Replica(state, options, outbox, {
      signatureWanted: () => this.#signer.want(),
      committed: (seqno) => {
        this.#waiting.committed(seqno);
        this.#snapshots.committed(seqno);
        this.parcels.committed(seqno);
      },
      rolledBack: (seqno) => {
        this.#waiting.rolledBack(seqno);
        this.#snapshots.rolledBack(seqno);
      },
      applied: (seqno, writeSet) => this.#applied(seqno, writeSet),
      roleChanged: () => this.#snapshots.roleChanged(),
      retiring: (phase) => this.#departure.retiring(phase),
      // What a lost service's shares have yet to open is in no snapshot.
      snapshotNeeded: (from, after) => {
        if (this.status === 'PartOfNetwork' || this.#reopening.verifiesOnly)
          this.#catchUp.needed(from, after);
      },
      maySay: (to, message) => this.#distrust.maySay(to, message),
      confirmed: (context) => this.#currentReads.confirmed(context),
      unconfirmed: (context) => this.#currentReads.unconfirmed(context),
    });
  }

  /** What an entry of another primary means for this node alone. */
  #applied(seqno: number, writeSet: WriteSet): void {
    if (!writeSet.has(encryptedLedgerSecrets.name)) return;
    const { replica, identity } = this;
    const opened = decryptForNode(replica.store.begin(), identity.id, identity.encryptionKey);
    const recovered = opened.flatMap(({ from, raw }) => (from === undefined ? [] : [{ from, raw }]));
    this.#reopening.read(recovered);
    const [next] = opened.filter(({ from }) => from === undefined);
    // A joiner may have been given it already, and later ones as well.
    if (replica.secrets.hasFrom(seqno + 1)) return;
    if (next) replica.secrets.add(seqno + 1, next.raw);
    // Not for this node, which knew the secret until now and may only verify: what follows stays closed to it.
    else if (seqno >= (replica.secrets.earliest ?? Number.POSITIVE_INFINITY)) {
      if (givesNextSecret(replica.store.begin())) replica.secrets.lose(seqno + 1);
    }
  }

  /** A candidate of no configuration was removed and has not heard so: the primary brings it up to date. */
  #guide(id: string, from: string): void {
    const { raft } = this.replica;
    const takesPart = raft.configurations.some(({ voters, learners }) =>
      [...voters, ...learners].includes(id),
    );
    if (takesPart) return;
    if (this.replica.leads) this.replica.step({ kind: 'stray', node: id });
    else if (raft.leader !== null && from === id)
      this.#parts.outbox.push({ kind: 'send', to: raft.leader, message: encodeWire({ kind: 'stray', id }) });
  }

  #makeActions(): GovernanceActions {
    return new GovernanceActions({
      replica: this.replica,
      service: () => this.service,
      random: this.#parts.random,
      now: () => this.now,
      reopening: this.#reopening,
      listener: {
        serviceOpened: () => this.#parts.outbox.log('info', 'The service is open.'),
        snapshotWanted: () => this.#snapshots.want(),
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
      isFirstSignature: (seqno: number) => this.replica.signatures.after(0) === seqno,
      viewAt: (seqno: number) => this.replica.viewAt(seqno),
      endorsementsAt: (seqno: number) => previousServices.endorsementsAt(seqno, this.service),
      serviceCertificate: () => this.#servicePem,
      isCovered: () => this.cover.beat !== undefined,
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
}

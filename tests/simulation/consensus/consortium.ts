import type { Entry, Membership, Origin, Output, Raft, RaftOptions } from '@coco/consensus';
import { decodeMessage, emptyJoiner, encodeMessage, genesis, type Message } from '@coco/consensus';
import { Clock } from '../world/clock.ts';
import { Network } from '../world/network.ts';
import { between, pick, type Random, split } from '../world/random.ts';
import { Tally } from '../world/tally.ts';
import { CommittedLog } from './checkers/committed-log.ts';
import { CurrentReads } from './checkers/current-reads.ts';
import { Durability } from './checkers/durability.ts';
import { ElectionSafety } from './checkers/election-safety.ts';
import { LogMatching } from './checkers/log-matching.ts';
import type { Electorate, Observer } from './checkers/observer.ts';
import { Disk } from './disk.ts';
import type { Parameters } from './parameters.ts';
import { type Recorded, Replica, type ReplicaWorld } from './replica.ts';

/** How a run makes its nodes: the product's `Raft`, or one with a deliberate bug. */
export type MakeRaft = (options: RaftOptions) => Raft;

const TICK_MS = 10;

/** All nodes, alive and dead, with their network, disks, clocks and the checkers that watch them. */
export class Consortium implements ReplicaWorld {
  readonly parameters: Parameters;
  readonly clock = new Clock();
  readonly faults = new Tally();
  /** Rare states that were reached. */
  readonly reached = new Tally();
  readonly network: Network<Message>;
  readonly replicas = new Map<string, Replica>();
  readonly committed = new CommittedLog();
  readonly reads = new CurrentReads();
  /** Nodes that leaders recorded as retired, in committed entries. */
  readonly removable = new Set<string>();
  /** Sum of everything that happened, in order: equal for two runs of one seed. */
  fingerprint = 0;
  steps = 0;
  /** Called when a learner has caught up; the operator decides. */
  onCaughtUp: (leader: Replica, node: string) => void = () => {};
  /** Called when a node begins to lead; the nemesis decides. */
  onLed: (leader: Replica) => void = () => {};
  /** Configurations appended by any node and not yet known to be committed or overwritten. */
  #pending: Electorate[] = [];
  readonly #observers: readonly Observer[];
  readonly #seed: number;
  readonly #makeRaft: MakeRaft;
  readonly #random: Random;
  #named = 0;

  constructor(seed: number, parameters: Parameters, makeRaft: MakeRaft) {
    this.#seed = seed;
    this.parameters = parameters;
    this.#makeRaft = makeRaft;
    this.#random = split(seed, 'consortium');
    this.network = new Network({
      options: parameters.network,
      clock: this.clock,
      random: split(seed, 'network'),
      faults: this.faults,
      deliver: (from, to, message) => this.replicas.get(to)?.step({ kind: 'received', from, message }),
    });
    this.#observers = [
      new ElectionSafety(),
      new LogMatching(),
      this.committed,
      new Durability((id) => this.replicas.get(id)),
      this.reads,
    ];
  }

  /** The first node, leading a configuration of itself. */
  found(): Replica {
    const first = this.#create(genesis, 0);
    first.proposeMembers({ voters: [first.id], learners: [] });
    this.#sign(first);
    return first;
  }

  /** A new node that knows nothing, or what a live one has committed. */
  join(snapshotOf: Replica | undefined): Replica {
    if (snapshotOf === undefined || snapshotOf.raft.commit === 0) return this.#create(emptyJoiner, 0);
    this.reached.add('joined from a snapshot');
    const origin = snapshotOf.raft.snapshotOrigin();
    return this.#create(origin, snapshotOf.digestAt(origin.seqno)!);
  }

  alive(): Replica[] {
    return [...this.replicas.values()].filter((replica) => replica.alive);
  }

  leaders(): Replica[] {
    return this.alive().filter(({ raft }) => raft.role === 'Leader');
  }

  /** The leader of the newest view. */
  leader(): Replica | undefined {
    return this.leaders().sort((a, b) => b.view - a.view)[0];
  }

  watch(tell: (observer: Observer) => void): void {
    for (const observer of this.#observers) tell(observer);
  }

  appended(replica: Replica, entry: Entry): void {
    if (entry.configuration !== undefined) {
      this.#pending.push({ seqno: entry.seqno, voters: entry.configuration.voters });
    }
    this.watch((observer) => observer.onAppended?.(replica, entry.seqno, entry.view));
  }

  carryOut(replica: Replica, output: Output, electorates: readonly Electorate[]): void {
    this.#note(replica, output);
    switch (output.kind) {
      case 'send':
        this.network.send(replica.id, output.to, this.#overTheWire(output.message));
        break;
      case 'commit':
        this.watch((observer) => observer.onCommitted?.(replica, output.seqno, electorates));
        this.#noteRemovable(replica, output.seqno);
        break;
      case 'truncate':
        this.reached.add('log truncated');
        this.watch((observer) => observer.onTruncated?.(replica, output.seqno));
        break;
      case 'role':
        if (output.role === 'Leader') {
          this.watch((observer) => observer.onLed?.(replica));
          this.onLed(replica);
        }
        break;
      case 'sign':
        this.clock.after(between(this.#random, 0, this.parameters.signatureEvery), () => this.#sign(replica));
        break;
      case 'membership':
        if (output.phase === 'RetiredCommitted') this.watch((observer) => observer.onRetired?.(replica));
        break;
      case 'retire':
        replica.propose(new Uint8Array(0), { retired: output.nodes });
        break;
      case 'caught-up':
        this.onCaughtUp(replica, output.node);
        break;
      case 'fetch-snapshot':
        this.#fetchSnapshot(replica, output.from);
        break;
      case 'confirmed':
        this.watch((observer) => observer.onReadConfirmed?.(replica, output.context, output.seqno));
        break;
      default:
        break;
    }
  }

  /** Members of the configurations that may still matter. */
  members(): Set<string> {
    const living = this.alive();
    const newest = Math.max(...living.map(({ raft }) => raft.commit));
    const informed = living.filter(({ raft }) => raft.commit === newest);
    const inPlay = informed.flatMap(({ raft }) => raft.configurations);
    return new Set([
      ...inPlay.flatMap(({ voters, learners }) => [...voters, ...learners]),
      ...this.#pending.flatMap(({ seqno, voters }) => (seqno > this.committed.length ? voters : [])),
    ]);
  }

  /** A majority of every configuration that may still matter stays alive without `lost`. */
  survives(lost: string | null, next?: Membership): boolean {
    const lives = (id: string) => id !== lost && (this.replicas.get(id)?.alive ?? false);
    // Those appended anywhere, too: the message that brings them to the living may be on its way.
    this.#pending = this.#pending.filter(({ seqno }) => seqno > this.committed.length);
    const inPlay = this.alive().flatMap(({ raft }) => raft.configurations);
    return [...inPlay, ...this.#pending, ...(next === undefined ? [] : [next])].every(
      ({ voters }) => voters.filter(lives).length * 2 > voters.length,
    );
  }

  #create(origin: Origin, digest: number): Replica {
    const id = `n${this.#named++}`;
    const random = split(this.#seed, id);
    const { heartbeat, election, preVote, stickyLeader, eager, limits, drift, diskLatency } = this.parameters;
    const replica = new Replica({
      raft: this.#makeRaft({
        id,
        random,
        origin,
        heartbeatTicks: heartbeat,
        electionTicks: election,
        preVote,
        stickyLeader,
        eager,
        limits,
      }),
      disk: new Disk<Recorded>({ clock: this.clock, random, latency: diskLatency, start: origin.seqno + 1 }),
      drift: 1 + (random() * 2 - 1) * drift,
      world: this,
      start: { seqno: origin.seqno, digest },
    });
    this.replicas.set(id, replica);
    if (origin.seqno > 0) this.watch((observer) => observer.onInstalled?.(replica, origin.seqno));
    this.#tick(replica);
    this.#signNowAndThen(replica);
    return replica;
  }

  #tick(replica: Replica): void {
    if (!replica.alive) return;
    replica.step({ kind: 'tick', ticks: TICK_MS });
    this.clock.after(TICK_MS / replica.drift, () => this.#tick(replica));
  }

  #signNowAndThen(replica: Replica): void {
    if (!replica.alive) return;
    const { raft } = replica;
    const signedInView = raft.viewAt(raft.lastCommittable) === raft.view;
    if (raft.last > raft.lastCommittable || !signedInView) this.#sign(replica);
    this.clock.after(this.parameters.signatureEvery, () => this.#signNowAndThen(replica));
  }

  #sign(replica: Replica): void {
    replica.propose(new Uint8Array(1), { committable: true });
  }

  /** One message in eight travels as bytes. */
  #overTheWire(message: Message): Message {
    return this.steps % 8 === 0 ? decodeMessage(encodeMessage(message)) : message;
  }

  #fetchSnapshot(replica: Replica, from: string): void {
    this.reached.add('snapshot fetched');
    const source = this.replicas.get(from);
    if (source?.alive !== true) return;
    const origin = source.raft.snapshotOrigin();
    const digest = source.digestAt(origin.seqno)!;
    this.clock.after(between(this.#random, 1, this.parameters.election), () => {
      if (!replica.install(origin, digest)) return;
      this.watch((observer) => observer.onInstalled?.(replica, origin.seqno));
    });
  }

  #noteRemovable(replica: Replica, seqno: number): void {
    for (let at = replica.ledger.length - 1; at >= 0; at--) {
      const { entry } = replica.ledger[at]!;
      if (entry.seqno > seqno) continue;
      if (entry.seqno <= seqno - 50) break;
      for (const id of entry.retired ?? []) this.removable.add(id);
    }
  }

  #note(replica: Replica, output: Output): void {
    this.steps++;
    const about = 'seqno' in output ? output.seqno : output.kind.length;
    this.fingerprint = Math.imul(this.fingerprint ^ (about + replica.view * 31), 0x01000193) ^ this.clock.now;
  }

  /** A random live node, for those who do not care which. */
  any(): Replica | undefined {
    return pick(this.#random, this.alive());
  }
}

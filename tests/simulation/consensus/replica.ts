import type { Entry, Event, Membership, Origin, Output, Raft } from '@coco/consensus';
import type { Clock } from '../world/clock.ts';
import type { Electorate, Witness } from './checkers/observer.ts';
import type { Disk } from './disk.ts';

/** An entry as it lies in a ledger: with the digest of everything up to and including it. */
export interface Recorded {
  readonly entry: Entry;
  readonly digest: number;
}

/** What a replica cannot do by itself. */
export interface ReplicaWorld {
  readonly clock: Clock;
  /** Carries out what leaves the replica; its disk and ledger it keeps itself. */
  carryOut(replica: Replica, output: Output, electorates: readonly Electorate[]): void;
  /** An entry was appended. */
  appended(replica: Replica, entry: Entry): void;
}

/**
 * One simulated node: the consensus of the product over a simulated disk, and a toy state machine whose
 * state is a digest of everything applied to it.
 */
export class Replica implements Witness {
  readonly raft: Raft;
  readonly disk: Disk<Recorded>;
  alive = true;
  /** How fast its clock runs. */
  readonly drift: number;
  /** The ledger, from the entry after `#start` on. */
  readonly ledger: Recorded[] = [];
  #start: number;
  #startDigest: number;
  readonly #world: ReplicaWorld;
  /** While the process is paused, what happened to it meanwhile. */
  #held: Event[] | null = null;

  constructor(options: {
    readonly raft: Raft;
    readonly disk: Disk<Recorded>;
    readonly drift: number;
    readonly world: ReplicaWorld;
    readonly start: { readonly seqno: number; readonly digest: number };
  }) {
    this.raft = options.raft;
    this.disk = options.disk;
    this.drift = options.drift;
    this.#world = options.world;
    this.#start = options.start.seqno;
    this.#startDigest = options.start.digest;
  }

  get id(): string {
    return this.raft.id;
  }

  get view(): number {
    return this.raft.view;
  }

  step(event: Event): void {
    if (!this.alive) return;
    if (this.#held !== null) {
      if (event.kind !== 'tick') this.#held.push(event);
      return;
    }
    const electorates = [...this.raft.configurations];
    this.raft.step(event);
    for (const output of this.raft.ready()) {
      this.#keep(output);
      this.#world.carryOut(this, output, electorates);
    }
  }

  /** Appends one entry at the leader; false when it does not lead. */
  propose(
    bytes: Uint8Array,
    kind: Partial<Pick<Entry, 'committable' | 'configuration' | 'retired'>>,
  ): boolean {
    const { raft } = this;
    if (!this.alive || this.#held !== null || raft.role !== 'Leader') return false;
    const entry: Entry = { view: raft.view, seqno: raft.last + 1, committable: false, bytes, ...kind };
    this.step({ kind: 'propose', entries: [entry] });
    return true;
  }

  proposeMembers(configuration: Membership): boolean {
    return this.propose(new Uint8Array(0), { configuration });
  }

  pause(): void {
    this.#held ??= [];
  }

  /** Goes on, with everything that arrived meanwhile. */
  resume(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const event of held) this.step(event);
  }

  crash(): void {
    this.alive = false;
    this.disk.crash();
  }

  digestAt(seqno: number): number | null {
    if (seqno === this.#start) return this.#startDigest;
    return this.ledger[seqno - this.#start - 1]?.digest ?? null;
  }

  flushedDigestAt(seqno: number): number | null {
    if (seqno === this.#start) return this.#startDigest;
    return this.disk.at(seqno)?.digest ?? null;
  }

  /** Loads a snapshot that another replica took, in place of what it has. False when it is of no use now. */
  install(origin: Origin, digest: number): boolean {
    const { seqno, viewHistory } = origin;
    const view = viewHistory.at(-1)!.view;
    if (!this.alive || this.#held !== null || !this.raft.lacks({ view, seqno })) return false;
    this.#start = origin.seqno;
    this.#startDigest = digest;
    this.ledger.length = 0;
    this.disk.reset(origin.seqno + 1);
    this.step({ kind: 'installed', origin });
    return true;
  }

  #keep(output: Output): void {
    if (output.kind === 'append') this.#append(output.entries, output.token);
    else if (output.kind === 'truncate') {
      this.ledger.length = output.seqno - this.#start;
      this.disk.truncate(output.seqno + 1);
    } else if (output.kind === 'read') {
      const { from, to } = output;
      const recorded = from > this.#start ? this.ledger.slice(from - this.#start - 1, to - this.#start) : [];
      const entries = recorded.map(({ entry }) => entry);
      this.#world.clock.after(1, () => this.step({ kind: 'entries-read', from, entries }));
    }
  }

  #append(entries: readonly Entry[], token: number): void {
    const records = entries.map((entry) => {
      const digest = chain(this.digestAt(entry.seqno - 1)!, entry);
      const recorded = { entry, digest };
      this.ledger.push(recorded);
      this.#world.appended(this, entry);
      return recorded;
    });
    const { seqno } = entries[entries.length - 1]!;
    this.disk.append(records, () => this.step({ kind: 'appended', seqno, token }));
  }
}

/** Digest of a log that ends with `entry`, from the digest of what comes before it. */
function chain(before: number, { view, seqno, committable, bytes, configuration, retired }: Entry): number {
  let digest = before;
  const take = (word: number) => {
    digest = Math.imul(digest ^ word, 0x01000193);
    digest ^= digest >>> 15;
  };
  take(view);
  take(seqno);
  take(committable ? 1 : 2);
  for (const byte of bytes) take(byte + 3);
  for (const name of [...(configuration?.voters ?? []), ...(retired ?? [])]) {
    for (let i = 0; i < name.length; i++) take(name.charCodeAt(i));
  }
  return digest;
}

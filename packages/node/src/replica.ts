import type {
  Event as ConsensusEvent,
  Entry,
  Message,
  NodeId,
  Output,
  Raft,
  RetirementPhase,
  Role,
} from '@coco/consensus';
import { endLearning, recordRetirements } from '@coco/governance';
import type { ByteString, Store, Tx, Version, WriteSet } from '@coco/kv';
import {
  type EntryToSeal,
  encodeEntry,
  type History,
  isSignature,
  type LedgerSecrets,
  type SealedEntry,
  type TxId,
} from '@coco/ledger';
import type { NodeConfig } from './config.ts';
import { Disk } from './disk.ts';
import { Following } from './following.ts';
import type { MembershipChange, Memberships } from './memberships.ts';
import type { Outbox } from './outbox.ts';
import type { Seat } from './seat.ts';
import type { SignatureIndex } from './signature-index.ts';
import { encodeConsensus } from './wire.ts';

/** What a transaction brings along beside its writes. */
export interface EntryOptions {
  /** 32 bytes that the contract wants in the receipt. */
  readonly claimsDigest?: ByteString | undefined;
}

/** How an attempt to commit a transaction ended. */
export type CommitOutcome =
  /** `entry` may be asked for its entry in the same step. */
  | { readonly kind: 'committed'; readonly txId: TxId; readonly entry: () => SealedEntry }
  | { readonly kind: 'read-only'; readonly txId: TxId | null }
  | { readonly kind: 'conflict' }
  /** It wrote, and this node is not the primary, or not for long: nothing happened. */
  | { readonly kind: 'not-primary' };

/** A transaction of the store that the ledger has yet to get. */
interface Recorded extends EntryToSeal {
  readonly change: MembershipChange;
  entry?: SealedEntry;
}

/** The state a replica is made of. */
export interface ReplicaState {
  readonly store: Store;
  readonly secrets: LedgerSecrets;
  readonly history: History;
  readonly signatures: SignatureIndex;
  readonly memberships: Memberships;
  /** First seqno this node can give to others: 1, or what follows the snapshot it began with. */
  readonly first: number;
}

/** What the replica tells the node above it. */
export interface ReplicaListener {
  /** Consensus wants a signature soon. */
  signatureWanted(): void;
  committed(seqno: number): void;
  rolledBack(seqno: number): void;
  /** An entry of another primary was applied. */
  applied(seqno: number, writeSet: WriteSet): void;
  roleChanged(role: Role): void;
  /** This node's own way out of the service; null when it was taken back. */
  retiring(phase: RetirementPhase | null): void;
  /** The primary no longer has what this node lacks: a snapshot beyond `after` is needed. */
  snapshotNeeded(from: NodeId, after: number): void;
  /** Whether consensus may say this to a node. */
  maySay(to: NodeId, message: Message): boolean;
  /** Answers to `confirm`: whether the state up to `seqno` was current; else who may know. */
  confirmed(context: number, seqno: number): void;
  unconfirmed(context: number, leader: NodeId | null): void;
}

/** What a replica is told when it is made. */
export interface ReplicaOptions {
  readonly seat: Seat;
  readonly config: NodeConfig;
  /** Digest of the public key of the service. */
  readonly serviceKeyId: string;
}

/**
 * The ledger in the making. As primary it turns committed transactions into entries, entries into leaves and proposals;
 * as backup it inspects and applies what another one made. What consensus decides becomes effects. It keeps the order
 * of things and decides nothing else.
 */
export class Replica {
  readonly store: Store;
  readonly secrets: LedgerSecrets;
  readonly signatures: SignatureIndex;
  readonly first: number;
  readonly seat: Seat;
  readonly #history: History;
  readonly #memberships: Memberships;
  readonly #raft: Raft;
  readonly #following: Following;
  readonly #disk: Disk;
  readonly #outbox: Outbox;
  readonly #listener: ReplicaListener;
  #recorded: Recorded[] = [];
  #proposals: Entry[] = [];
  /** The message sent last: several peers may get the same. */
  #sent: { readonly message: Message; readonly bytes: Uint8Array } | undefined;

  constructor(state: ReplicaState, options: ReplicaOptions, outbox: Outbox, listener: ReplicaListener) {
    this.store = state.store;
    this.secrets = state.secrets;
    this.#history = state.history;
    this.signatures = state.signatures;
    this.first = state.first;
    this.#memberships = state.memberships;
    this.#outbox = outbox;
    this.#listener = listener;
    this.#disk = new Disk(outbox, options.config.ledger.chunk_size);
    this.#following = new Following(state, {
      outbox,
      disk: this.#disk,
      viewAt: (seqno) => this.viewAt(seqno),
      serviceKeyId: options.serviceKeyId,
      applied: (seqno, writeSet) => listener.applied(seqno, writeSet),
    });
    this.seat = options.seat;
    this.seat.inspector = (after, entries) => this.#following.admits(after, entries);
    this.#raft = options.seat.raft;
  }

  /** The leaves of every entry, those of this step included. */
  get history(): History {
    this.#seal();
    return this.#history;
  }

  get raft(): Omit<Raft, 'step' | 'ready'> {
    return this.#raft;
  }

  /** Whether this node leads: it signs, and writes what consensus asks for. */
  get leads(): boolean {
    return this.#raft.role === 'Leader';
  }

  /** Whether it takes writes: a leader that hands over does not. */
  get isPrimary(): boolean {
    return this.leads && this.#raft.admission !== 'handing-over';
  }

  /** The node that takes writes, as far as is known. */
  get primary(): NodeId | null {
    return this.leads && !this.isPrimary ? null : this.#raft.leader;
  }

  /** The next transaction's place. */
  get nextSeqno(): number {
    return this.store.version + 1;
  }

  get lastSigned(): number {
    return this.signatures.last;
  }

  /** Entries since the last signature. */
  get unsigned(): number {
    return this.store.version - this.signatures.last;
  }

  /** Bytes of the entries that came by since this node began. */
  get ledgerBytes(): number {
    return this.#disk.bytes;
  }

  /** Whether a signature waits for its commit. */
  get signatureInFlight(): boolean {
    return this.signatures.last > this.#raft.commit;
  }

  /** The latest transaction known to be committed; null before the first. */
  get committed(): TxId | null {
    return this.txIdAt(this.#raft.commit);
  }

  /** The transaction at a version of the store; null for the empty store. */
  txIdAt(version: Version): TxId | null {
    return version === 0 ? null : { view: this.viewAt(version), seqno: version };
  }

  /** View of an entry, also of one that is still to be proposed. */
  viewAt(seqno: number): number {
    return seqno > this.#raft.last ? this.#raft.view : this.#raft.viewAt(seqno);
  }

  /** Ends the next chunk at the next signature, whatever its size. */
  forceChunk(): void {
    this.#disk.forceChunk();
  }

  /** While private maps are being recovered, entries of the new epoch that write some are left for later. */
  holdBackPrivateWrites(hold: boolean): void {
    this.#following.holdBackPrivateWrites(hold);
  }

  /** Commits a transaction and, when it wrote something, makes an entry of it. */
  commit(tx: Tx, options: EntryOptions = {}): CommitOutcome {
    if (!this.isPrimary && tx.wrote) {
      tx.discard();
      return { kind: 'not-primary' };
    }
    return this.#commit(tx, options);
  }

  #commit(tx: Tx, options: EntryOptions): CommitOutcome {
    const result = tx.commit();
    switch (result.kind) {
      case 'conflict':
        return { kind: 'conflict' };
      case 'read-only':
        return { kind: 'read-only', txId: this.txIdAt(result.version) };
      case 'committed': {
        const recorded = this.#record(result.version, result.writeSet, options.claimsDigest, 0);
        const txId = { view: recorded.view, seqno: recorded.seqno };
        return { kind: 'committed', txId, entry: () => this.#entryOf(recorded) };
      }
    }
  }

  /** Appends a signature entry over everything before it. Answers its place and its own leaf. */
  appendSignature(writeSet: WriteSet): { readonly txId: TxId; readonly leaf: ByteString } {
    const seqno = this.nextSeqno;
    this.store.apply(seqno, writeSet);
    this.#seal();
    const { leaf } = this.#entryOf(this.#record(seqno, writeSet, undefined, this.#disk.signatureFlags()));
    this.signatures.add(seqno);
    this.store.retain();
    return { txId: { view: this.#raft.view, seqno }, leaf };
  }

  /** Tells consensus what happened and carries out what it decides. */
  step(event: ConsensusEvent): void {
    this.#raft.step(event);
    this.drain();
  }

  /** The host has flushed everything up to `seqno`. */
  appended(seqno: number): void {
    const answered = this.#disk.appended(seqno);
    if (answered) this.step({ kind: 'appended', seqno: answered.last, token: answered.token });
  }

  /** The host has read entries back; those that consensus asked for go on to a backup. */
  entriesRead(from: number, read: readonly Uint8Array[]): void {
    const wanted = this.#disk.entriesRead(from, read);
    if (!wanted) return;
    const entries: Entry[] = [];
    for (const [i, bytes] of wanted.entries()) {
      if (from + i <= this.#raft.last) entries.push(this.#entryAt(from + i, bytes));
    }
    this.step({ kind: 'entries-read', from, entries });
  }

  /** Proposes what has gathered in this step. */
  propose(): void {
    this.#seal();
    while (this.#proposals.length > 0) {
      const entries = this.#proposals;
      this.#proposals = [];
      this.#raft.step({ kind: 'propose', entries });
      this.drain();
    }
  }

  drain(): void {
    for (let outputs = this.#raft.ready(); outputs.length > 0; outputs = this.#raft.ready()) {
      for (const output of outputs) this.#carryOut(output);
    }
  }

  #carryOut(output: Output): void {
    const listener = this.#listener;
    switch (output.kind) {
      case 'append':
        if (output.origin === 'replicated') this.#following.apply(output.entries);
        this.#disk.append(output);
        return;
      case 'commit':
        this.#outbox.push({ kind: 'committed', seqno: output.seqno });
        this.store.compact(output.seqno);
        this.#history.flush(output.seqno);
        listener.committed(output.seqno);
        return;
      case 'truncate':
        this.#outbox.push({ kind: 'truncate', seqno: output.seqno });
        this.#rollBack(output.seqno);
        return;
      case 'send':
        if (listener.maySay(output.to, output.message))
          this.#outbox.push({ kind: 'send', to: output.to, message: this.#encode(output.message) });
        return;
      case 'sign':
        listener.signatureWanted();
        return;
      case 'role':
        if (output.role !== 'Leader') this.#dropUnproposed();
        listener.roleChanged(output.role);
        return;
      case 'retire':
        this.#write((tx) => recordRetirements(tx, output.nodes));
        return;
      case 'caught-up':
        this.#write((tx) => endLearning(tx, output.node));
        return;
      case 'read':
        this.#readBack(output);
        return;
      case 'membership':
        listener.retiring(output.phase);
        return;
      case 'fetch-snapshot':
        listener.snapshotNeeded(output.from, output.after);
        return;
      case 'transfer-failed':
        this.#outbox.log('fail', `The office could not be handed over to ${output.to ?? 'anybody'}.`);
        return;
      case 'confirmed':
        listener.confirmed(output.context, output.seqno);
        return;
      case 'unconfirmed':
        listener.unconfirmed(output.context, output.leader);
        return;
      default:
        output satisfies never;
    }
  }

  /**
   * What was made as primary and never proposed goes with the office. Consensus may be further than what it has told
   * so far, so its own end says nothing here.
   */
  #dropUnproposed(): void {
    const first = this.#proposals[0] ?? this.#recorded[0];
    if (first) this.#rollBack(first.seqno - 1);
  }

  /** Writes what the primary has to record by itself. */
  #write(change: (tx: Tx) => boolean): void {
    const tx = this.store.begin();
    if (this.leads && change(tx)) this.#commit(tx, {});
    else tx.discard();
  }

  #record(seqno: number, writeSet: WriteSet, claimsDigest: ByteString | undefined, flags: number): Recorded {
    const change = this.#memberships.note(seqno, writeSet, () => this.store.begin());
    const recorded: Recorded = { view: this.#raft.view, seqno, writeSet, claimsDigest, flags, change };
    this.#recorded.push(recorded);
    return recorded;
  }

  #entryOf(recorded: Recorded): SealedEntry {
    this.#seal();
    if (!recorded.entry) throw new Error(`${recorded.view}.${recorded.seqno} was rolled back`);
    return recorded.entry;
  }

  /** Makes entries of what was recorded, one behind the other: nobody who was answered had to wait for that. */
  #seal(): void {
    for (const recorded of this.#recorded) {
      const { view, seqno, writeSet, change } = recorded;
      const entry = encodeEntry(recorded, this.secrets);
      recorded.entry = entry;
      this.#history.append(entry.leaf);
      this.#proposals.push({
        view,
        seqno,
        committable: isSignature(writeSet),
        bytes: entry.bytes,
        ...change,
      });
      this.#disk.count(entry.bytes, recorded.flags ?? 0);
    }
    if (this.#recorded.length > 0) this.#recorded = [];
  }

  #encode(message: Message): Uint8Array {
    if (this.#sent?.message !== message) this.#sent = { message, bytes: encodeConsensus(message) };
    return this.#sent.bytes;
  }

  #readBack(asked: Extract<Output, { kind: 'read' }>): void {
    // What it would mean to consensus is not known here.
    if (asked.from < this.first) this.#raft.step({ kind: 'entries-read', from: asked.from, entries: [] });
    else this.#disk.read(asked);
  }

  /** An entry of the files as it was proposed. Whoever receives it verifies it. */
  #entryAt(seqno: number, bytes: Uint8Array): Entry {
    const view = this.#raft.viewAt(seqno);
    return { view, seqno, committable: this.signatures.has(seqno), bytes, ...this.#memberships.at(seqno) };
  }

  #rollBack(seqno: number): void {
    this.store.rollback(seqno);
    this.#history.truncate(seqno + 1);
    this.secrets.truncateAfter(seqno);
    this.signatures.rollBack(seqno);
    this.#memberships.rollBack(seqno);
    this.#recorded = [];
    this.#proposals = [];
    this.#listener.rolledBack(seqno);
  }
}

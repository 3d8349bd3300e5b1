import {
  type Event as ConsensusEvent,
  type Entry,
  type Membership,
  type Origin,
  Raft,
  type Role,
} from '@coco/consensus';
import type { ByteString, Store, Tx, Version, WriteSet } from '@coco/kv';
import {
  encodeEntry,
  formatTxId,
  type History,
  type LedgerSecrets,
  type SealedEntry,
  type TxId,
} from '@coco/ledger';
import type { NodeConfig } from './config.ts';
import type { Outbox } from './outbox.ts';

/** What a transaction brings along beside its writes. */
export interface EntryOptions {
  /** 32 bytes that the contract wants in the receipt. */
  readonly claimsDigest?: ByteString | undefined;
  readonly committable?: boolean;
  readonly configuration?: Membership;
  readonly retired?: readonly string[];
}

/** How an attempt to commit a transaction ended. */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly txId: TxId; readonly entry: SealedEntry }
  | { readonly kind: 'read-only'; readonly txId: TxId | null }
  | { readonly kind: 'conflict' };

/** The state a replica is made of; replaced as a whole by recovery. */
export interface ReplicaState {
  readonly store: Store;
  readonly secrets: LedgerSecrets;
  readonly history: History;
}

/** What the replica tells the node above it. */
export interface ReplicaListener {
  /** Consensus wants a signature soon. */
  signatureWanted(): void;
  committed(seqno: number): void;
  rolledBack(seqno: number): void;
  roleChanged(role: Role): void;
}

/**
 * The ledger in the making: turns committed transactions into entries, entries into leaves and proposals, and
 * what consensus decides into effects. It keeps the order of things and decides nothing else.
 */
export class Replica {
  readonly store: Store;
  readonly secrets: LedgerSecrets;
  readonly history: History;
  readonly #raft: Raft;
  readonly #outbox: Outbox;
  readonly #listener: ReplicaListener;
  readonly #chunkBytes: number;
  #proposals: Entry[] = [];
  /** Appends the host has not answered yet, oldest first. */
  #appends: { readonly last: number; readonly token: number }[] = [];
  #bytesInChunk = 0;
  #chunkForced = false;
  #chunkEnds = new Set<number>();
  #lastSigned: number;

  constructor(
    state: ReplicaState,
    options: {
      readonly id: string;
      readonly origin: Origin;
      readonly config: NodeConfig;
      readonly random: () => number;
    },
    outbox: Outbox,
    listener: ReplicaListener,
  ) {
    this.store = state.store;
    this.secrets = state.secrets;
    this.history = state.history;
    this.#outbox = outbox;
    this.#listener = listener;
    this.#chunkBytes = options.config.ledger.chunk_size;
    this.#lastSigned = options.origin.seqno;
    this.#raft = new Raft({
      id: options.id,
      origin: options.origin,
      heartbeatTicks: options.config.consensus.message_timeout,
      electionTicks: options.config.consensus.election_timeout,
      random: options.random,
      preVote: true,
      stickyLeader: true,
      eager: true,
    });
  }

  get raft(): Pick<
    Raft,
    'view' | 'role' | 'leader' | 'last' | 'commit' | 'admission' | 'viewAt' | 'viewHistory' | 'status'
  > {
    return this.#raft;
  }

  get isPrimary(): boolean {
    return this.#raft.role === 'Leader';
  }

  /** The next transaction's place. */
  get nextSeqno(): number {
    return this.store.version + 1;
  }

  get lastSigned(): number {
    return this.#lastSigned;
  }

  /** Entries since the last signature. */
  get unsigned(): number {
    return this.store.version - this.#lastSigned;
  }

  /** Whether a signature waits for its commit. */
  get signatureInFlight(): boolean {
    return this.#lastSigned > this.#raft.commit;
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
    this.#chunkForced = true;
  }

  /** Commits a transaction and, when it wrote something, makes an entry of it. */
  commit(tx: Tx, options: EntryOptions = {}): CommitOutcome {
    const result = tx.commit();
    switch (result.kind) {
      case 'conflict':
        return { kind: 'conflict' };
      case 'read-only':
        return { kind: 'read-only', txId: this.txIdAt(result.version) };
      case 'committed': {
        const entry = this.#record(result.version, result.writeSet, options);
        return { kind: 'committed', txId: { view: this.#raft.view, seqno: result.version }, entry };
      }
    }
  }

  /** Appends a signature entry over everything before it. Answers its place and its own leaf. */
  appendSignature(writeSet: WriteSet): { readonly txId: TxId; readonly leaf: ByteString } {
    const seqno = this.nextSeqno;
    this.store.apply(seqno, writeSet);
    const { leaf } = this.#record(seqno, writeSet, { committable: true });
    this.#lastSigned = seqno;
    if (this.#chunkForced || this.#bytesInChunk >= this.#chunkBytes) {
      this.#chunkEnds.add(seqno);
      this.#chunkForced = false;
      this.#bytesInChunk = 0;
    }
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
    let answered: { readonly last: number; readonly token: number } | undefined;
    while (this.#appends[0] && this.#appends[0].last <= seqno) answered = this.#appends.shift();
    if (answered) this.step({ kind: 'appended', seqno: answered.last, token: answered.token });
  }

  /** Proposes what has gathered in this step. */
  propose(): void {
    if (this.#proposals.length > 0) {
      const entries = this.#proposals;
      this.#proposals = [];
      this.#raft.step({ kind: 'propose', entries });
    }
    this.drain();
  }

  drain(): void {
    for (const output of this.#raft.ready()) {
      switch (output.kind) {
        case 'append':
          this.#append(output.entries, output.token);
          break;
        case 'commit':
          this.#outbox.push({ kind: 'committed', seqno: output.seqno });
          this.store.compact(output.seqno);
          this.history.flush(output.seqno);
          this.#listener.committed(output.seqno);
          break;
        case 'truncate':
          this.#rollBack(output.seqno);
          break;
        case 'sign':
          this.#listener.signatureWanted();
          break;
        case 'role':
          this.#listener.roleChanged(output.role);
          break;
        default:
          // Replication between nodes is not connected yet: a service of one node asks for none of the rest.
          break;
      }
    }
  }

  #record(seqno: number, writeSet: WriteSet, options: EntryOptions): SealedEntry {
    const view = this.#raft.view;
    const entry = encodeEntry({ view, seqno, writeSet, claimsDigest: options.claimsDigest }, this.secrets);
    this.history.append(entry.leaf);
    this.#bytesInChunk += entry.bytes.length;
    this.#proposals.push({
      view,
      seqno,
      committable: options.committable ?? false,
      bytes: entry.bytes,
      ...(options.configuration ? { configuration: options.configuration } : {}),
      ...(options.retired ? { retired: options.retired } : {}),
    });
    return entry;
  }

  /** Splits at chunk ends, so that the host closes files where signatures say. */
  #append(entries: readonly Entry[], token: number): void {
    let start = 0;
    entries.forEach((entry, i) => {
      if (this.#chunkEnds.delete(entry.seqno)) {
        this.#emit(entries.slice(start, i + 1), true);
        start = i + 1;
      }
    });
    if (start < entries.length) this.#emit(start === 0 ? entries : entries.slice(start), false);
    const last = entries.at(-1);
    if (last) this.#appends.push({ last: last.seqno, token });
  }

  #emit(entries: readonly Entry[], endsChunk: boolean): void {
    const [first] = entries;
    if (!first) return;
    this.#outbox.push({
      kind: 'append',
      from: first.seqno,
      entries: entries.map((entry) => entry.bytes),
      endsChunk,
    });
  }

  #rollBack(seqno: number): void {
    this.#outbox.push({ kind: 'truncate', seqno });
    this.store.rollback(seqno);
    this.history.truncate(seqno + 1);
    this.secrets.truncateAfter(seqno);
    this.#lastSigned = Math.min(this.#lastSigned, seqno);
    this.#proposals = [];
    this.#listener.rolledBack(seqno);
  }
}

/** Text of a transaction id; null stays null. */
export function showTxId(txId: TxId | null): string | null {
  return txId && formatTxId(txId);
}

import type { Entry } from '@coco/consensus';
import { encryptedLedgerSecrets } from '@coco/governance';
import type { WriteSet } from '@coco/kv';
import { type DecodedEntry, formatTxId, hasPrivatePart, revealPrivatePart } from '@coco/ledger';
import type { Disk } from './disk.ts';
import { NodeError } from './errors.ts';
import { Inspector } from './inspection.ts';
import { sameChange } from './memberships.ts';
import type { Outbox } from './outbox.ts';
import type { ReplicaState } from './replica.ts';

/** What following works with. */
export interface FollowingParts {
  readonly outbox: Outbox;
  readonly disk: Disk;
  /** View of an entry that is held here. */
  viewAt(seqno: number): number;
  /** Digest of the public key of the service. */
  readonly serviceKeyId: string;
  /** An entry was applied. */
  applied(seqno: number, writeSet: WriteSet): void;
}

/**
 * What a backup does with the entries of its primary: it inspects them before consensus acknowledges them, and applies
 * them once consensus appends them.
 */
export class Following {
  readonly #state: ReplicaState;
  readonly #parts: FollowingParts;
  readonly #inspector: Inspector;
  #holdsBack = false;
  #inspected:
    | {
        readonly entries: readonly Entry[];
        readonly decoded: readonly DecodedEntry[];
        readonly revealed: number;
      }
    | undefined;

  constructor(state: ReplicaState, parts: FollowingParts) {
    this.#state = state;
    this.#parts = parts;
    const { viewAt, serviceKeyId } = parts;
    this.#inspector = new Inspector({ store: state.store, history: state.history, viewAt, serviceKeyId });
  }

  /** While private maps are being recovered, entries of the new epoch that write some are left for later. */
  holdBackPrivateWrites(hold: boolean): void {
    this.#holdsBack = hold;
  }

  /** Whether entries that are to follow `after` are believed. */
  admits(after: number, entries: readonly Entry[]): boolean {
    try {
      // They come again, and are taken once the private maps are in place.
      if (this.#holdsBack && entries.some((entry) => this.#isReadable(entry) && hasPrivatePart(entry.bytes)))
        return false;
      const decoded = this.#inspector.inspect(after, entries);
      this.#inspected = { entries, decoded, revealed: this.#reveal(after, entries, decoded) };
      return true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#parts.outbox.log('fail', `Refused what the primary replicated after ${after}: ${error.message}`);
      return false;
    }
  }

  /** Applies the entries that were admitted last. */
  apply(entries: readonly Entry[]): void {
    const inspected = this.#inspected;
    this.#inspected = undefined;
    if (inspected?.entries !== entries) throw new Error('entries were appended that nobody inspected');
    const { decoded, revealed } = inspected;
    for (const [i, entry] of entries.entries()) {
      if (i >= revealed) this.#revealLate(entry, decoded[i]!);
      this.#applyOne(entry, decoded[i]!);
    }
  }

  /** Opens the private parts, up to an entry that changes the secret. Answers how many of the entries that were. */
  #reveal(after: number, entries: readonly Entry[], decoded: readonly DecodedEntry[]): number {
    const { store, secrets } = this.#state;
    const known = after === store.version ? secrets : secrets.upTo(after);
    for (const [i, entry] of entries.entries()) {
      if (this.#isReadable(entry)) revealPrivatePart(decoded[i]!, entry.bytes, known);
      if (decoded[i]!.writeSet.has(encryptedLedgerSecrets.name)) return i + 1;
    }
    return entries.length;
  }

  /** An entry that came with the one that brought its secret. */
  #revealLate(entry: Entry, decoded: DecodedEntry): void {
    try {
      if (this.#isReadable(entry)) revealPrivatePart(decoded, entry.bytes, this.#state.secrets);
    } catch (cause) {
      const message = `entry ${formatTxId(entry)} does not open under the secret that came with it`;
      throw new NodeError('ReplicationUnsound', message, { cause });
    }
  }

  #applyOne(entry: Entry, decoded: DecodedEntry): void {
    const { store, history, signatures, memberships } = this.#state;
    const { seqno, bytes } = entry;
    const { writeSet } = decoded;
    store.apply(seqno, writeSet);
    history.append(decoded.leaf);
    if (entry.committable) {
      signatures.add(seqno);
      store.retain();
    }
    this.#parts.disk.count(bytes, decoded.flags);
    const change = memberships.note(seqno, writeSet, () => store.begin());
    if (!sameChange(change, entry)) {
      const message = `the primary says of entry ${formatTxId(entry)} that it changes who takes part; the tables say otherwise`;
      throw new NodeError('ReplicationUnsound', message);
    }
    this.#parts.applied(seqno, writeSet);
  }

  /** Of a lost epoch, whose secrets it was not given, a node sees only what is public. */
  #isReadable({ seqno }: Entry): boolean {
    const { earliest } = this.#state.secrets;
    return earliest !== undefined && seqno >= earliest;
  }
}

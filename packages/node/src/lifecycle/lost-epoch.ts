import { traceOf } from '@coco/governance';
import { type ByteString, Lineage, Store, type WriteSet } from '@coco/kv';
import {
  decodeEntry,
  decodeSecretLink,
  formatTxId,
  History,
  type LedgerSecrets,
  readSnapshot,
  splitSnapshot,
  type VersionedSecret,
  walkSecretChain,
} from '@coco/ledger';
import { NodeError } from '../errors.ts';
import type { Outbox } from '../outbox.ts';
import { LedgerReader } from './ledger-reader.ts';
import { privateMaps } from './snapshot-state.ts';

/** What the ledger says in public of the epochs before a recovery: enough to open the rest once the members did their part. */
export interface LostEpoch {
  readonly lastSigned: number;
  /** Root of the history up to and with `lastSigned`. */
  readonly root: ByteString;
  /** Links from each ledger secret to the one before, by the seqno that wrote them. */
  readonly secretLinks: ReadonlyMap<number, ByteString>;
  /** The snapshot that this node's ledger begins after, when it does not begin at 1. */
  readonly base?: Uint8Array | undefined;
}

/** All secrets of the epoch, newest first, from the latest one. Throws a LedgerError when the chain does not unwind. */
export function unwindSecrets(
  { secretLinks, lastSigned }: LostEpoch,
  latest: Uint8Array,
): readonly VersionedSecret[] {
  const [storedAt, link] = [...secretLinks].findLast(([seqno]) => seqno <= lastSigned) ?? [];
  const from =
    link === undefined || storedAt === undefined ? 1 : (decodeSecretLink(link).nextFrom ?? storedAt + 1);
  return [...walkSecretChain({ from, raw: latest }, link, (at) => secretLinks.get(at))];
}

/** Reads the private maps of a lost epoch from the ledger files, with its secrets known. */
export class PrivateRecovery extends LedgerReader {
  /** Who read and wrote what in the lost epoch. */
  readonly lineage: Lineage;
  readonly #epoch: LostEpoch;
  readonly #secrets: LedgerSecrets;
  readonly #store: Store;
  readonly #history: History;

  constructor(outbox: Outbox, epoch: LostEpoch, secrets: LedgerSecrets) {
    const base = epoch.base && readSnapshot(splitSnapshot(epoch.base).entry, secrets);
    super(outbox, (base?.txId.seqno ?? 0) + 1, epoch.lastSigned);
    this.#store = base ? Store.from(base.txId.seqno, privateMaps(base)) : new Store();
    this.#history = base?.history ?? new History();
    this.lineage = new Lineage(this.next);
    this.#epoch = epoch;
    this.#secrets = secrets;
  }

  protected take(bytes: Uint8Array, seqno: number): void {
    const entry = decodeEntry(bytes, this.#secrets);
    this.#history.append(entry.leaf);
    // The entry is believed before the root is known only as far as it opens under a secret of the service.
    if (seqno === this.#epoch.lastSigned && this.#history.root() !== this.#epoch.root) {
      const message = `the ledger files up to ${formatTxId(entry)} changed while they were being recovered`;
      throw new NodeError('LedgerUnsound', message);
    }
    this.#history.flush(seqno);
    this.#store.apply(seqno, privatePart(entry.writeSet));
    this.lineage.record(seqno, traceOf(entry.writeSet));
  }

  /** Puts the private maps beside the public ones. Call once, when all is read. */
  adoptBy(store: Store): void {
    const recovered = this.#store.at(this.#store.version);
    store.adopt([...recovered.maps()].map((name) => [name, recovered.range(name)]));
  }
}

function privatePart(writeSet: WriteSet): WriteSet {
  return new Map([...writeSet].filter(([name]) => !name.startsWith('public:')));
}

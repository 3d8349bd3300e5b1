import { finishRecovery, historicalLedgerSecret, serviceInfo } from '@coco/governance';
import type { ByteString, Lineage } from '@coco/kv';
import { singletonKey, type VersionedSecret } from '@coco/ledger';
import type { NodeStatus } from '../endpoints/context.ts';
import type { Outbox } from '../outbox.ts';
import type { Replica } from '../replica.ts';
import { type LostEpoch, PrivateRecovery, unwindSecrets } from './lost-epoch.ts';

/** What a node knows of a lost epoch when it begins. */
export interface ReopeningStart {
  /** The private part of the ledger is not open. */
  readonly publicOnly: boolean;
  /** Nor will it be: the node may only verify, and sees nothing but what is public. */
  readonly verifiesOnly?: boolean;
  /** Links between ledger secrets that the node did not see being written. */
  readonly secretLinks: ReadonlyMap<number, ByteString>;
  /** The snapshot it began with, private part unread; absent when its ledger begins at 1. */
  readonly base?: Uint8Array | undefined;
}

/**
 * The second half of a disaster recovery, on every node alike: the private maps are read from its own ledger files once
 * the secrets are known, and whoever is primary then opens the service again. The primary learns the secrets from the
 * members' shares, the others from what it writes for them.
 */
export class Reopening {
  /** The private part of the ledger stays closed here. */
  readonly verifiesOnly: boolean;
  readonly #replica: Replica;
  readonly #outbox: Outbox;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #lineageRead: (lineage: Lineage) => void;
  readonly #opened: () => void;
  readonly #secretLinks: Map<number, ByteString>;
  #base: Uint8Array | undefined;
  #status: NodeStatus;
  #epoch: Omit<LostEpoch, 'secretLinks'> | undefined;
  #reader: PrivateRecovery | undefined;
  /** The latest secret of the lost epoch, once it is known here. */
  #recovered: VersionedSecret | undefined;

  constructor(
    start: ReopeningStart,
    parts: {
      readonly replica: Replica;
      readonly outbox: Outbox;
      readonly random: (bytes: number) => Uint8Array;
      /** Who read and wrote what in the lost epoch is known. */
      readonly lineageRead: (lineage: Lineage) => void;
      /** The service is open again. */
      readonly opened: () => void;
    },
  ) {
    this.#replica = parts.replica;
    this.#outbox = parts.outbox;
    this.#random = parts.random;
    this.#lineageRead = parts.lineageRead;
    this.#opened = parts.opened;
    this.#secretLinks = new Map(start.secretLinks);
    this.#base = start.base;
    this.#status = start.publicOnly ? 'PartOfPublicNetwork' : 'PartOfNetwork';
    this.verifiesOnly = start.verifiesOnly === true;
    this.#replica.holdBackPrivateWrites(start.publicOnly && !this.verifiesOnly);
    this.#replica.store.onWrite(historicalLedgerSecret.name, (version, writes) => {
      const link = writes.get(singletonKey);
      if (typeof link === 'string') this.#secretLinks.set(version, link);
    });
  }

  get status(): NodeStatus {
    return this.#status;
  }

  /** While reading: how far, and how far it goes. */
  get progress(): { readonly target: number; readonly done: number } | undefined {
    return this.#reader && this.#epoch && { target: this.#epoch.lastSigned, done: this.#reader.next - 1 };
  }

  /** The entry at `seqno` begins a new epoch of the service; the history holds what is before it. */
  epochBegan(seqno: number): void {
    this.#epoch = { lastSigned: seqno - 1, root: this.#replica.history.root() };
  }

  /** Every secret of the lost epoch, newest first, from the one that the members' shares open. */
  unwind(latest: Uint8Array): readonly VersionedSecret[] {
    if (!this.#epoch) throw new Error('there is no lost epoch to recover');
    return unwindSecrets({ ...this.#epoch, secretLinks: this.#secretLinks }, latest);
  }

  /** The secrets of the lost epoch are known: reads its private maps. A second time nothing happens. */
  read(secrets: readonly VersionedSecret[]): void {
    const [latest] = secrets;
    const epoch = this.#epoch;
    if (this.#status !== 'PartOfPublicNetwork' || !epoch || !latest) return;
    this.#recovered = latest;
    for (const { from, raw } of secrets) this.#replica.secrets.add(from, raw);
    this.#status = 'ReadingPrivateLedger';
    this.#reader = new PrivateRecovery(
      this.#outbox,
      { ...epoch, secretLinks: this.#secretLinks, base: this.#base },
      this.#replica.secrets,
    );
    this.#base = undefined;
    this.#reader.start();
  }

  entriesRead(from: number, entries: readonly Uint8Array[]): void {
    if (!this.#reader?.entriesRead(from, entries)) return;
    this.#reader.adoptBy(this.#replica.store);
    this.#lineageRead(this.#reader.lineage);
    this.#reader = undefined;
    this.#status = 'PartOfNetwork';
    this.#replica.holdBackPrivateWrites(false);
    this.#outbox.log('info', 'This node has read the private ledger of the lost service.');
  }

  /** Opens the service when it is this node's to do: as primary, with the private maps in place. */
  step(): void {
    const recovered = this.#recovered;
    if (!recovered || this.#status !== 'PartOfNetwork' || !this.#replica.isPrimary) return;
    this.#recovered = undefined;
    const { store, secrets } = this.#replica;
    const tx = store.begin();
    const current = secrets.latest();
    if (!current || serviceInfo.get(tx)?.status !== 'WaitingForRecoveryShares') {
      tx.discard();
      return;
    }
    finishRecovery(tx, { current, recovered, random: this.#random, type: 'RECOVERY_SHARES' });
    this.#replica.commit(tx);
    this.#replica.forceChunk();
    this.#opened();
    this.#outbox.log('info', 'Recovered the private ledger; the service is open again.');
  }
}

import {
  type Audience,
  audienceIdOf,
  type Parcel,
  type ParcelId,
  type ParcelName,
  type Parcels,
  type Reader,
  readersOfSegment,
  type Segment,
} from '@coco/access';
import type { NodeId } from '@coco/governance';
import type { TxId } from '@coco/ledger';
import type { Correspondence } from '../correspondence.ts';
import type { ParcelFile } from '../effect.ts';
import type { NodeView } from '../endpoints/context.ts';
import { limits } from '../limits.ts';
import type { Outbox } from '../outbox.ts';
import { encodeWire, type ParcelDeposit, type ParcelMessage } from '../wire.ts';
import { type DepositOptions, Deposits } from './deposits.ts';
import { Fetches } from './fetches.ts';
import { fileOf, nameAt, parcelIn, pathOf, segmentIn } from './files.ts';
import { Homes } from './homes.ts';
import { Office } from './office.ts';
import { ParcelCache } from './parcel-cache.ts';
import { Stock } from './stock.ts';

/** What the parts of this folder work with. */
export interface ParcelSetting {
  /** This node. */
  readonly own: NodeId;
  readonly homes: Homes;
  readonly cache: ParcelCache;
  readonly world: Correspondence;
  readonly outbox: Outbox;
  now(): number;
  /** Where the ledger of this node ends, and the view it is in. */
  place(): TxId;
  /** Whether the channel to a node is known to be lost. */
  isAway(node: NodeId): boolean;
  /** Stores parcels on this node's disk. */
  keep(parcels: readonly Parcel[], then: (isKept: boolean) => void): void;
}

/** The node whose keeper it is. */
export type KeepingNode = Pick<NodeView, 'identity' | 'replica' | 'access' | 'now'>;

/**
 * Rows that only nodes of their parties keep: what this node keeps of them, what it lends, and what it borrows. The
 * ledger of every node holds their digests, and by these everything that comes from elsewhere is measured.
 */
export class ParcelKeeper implements Parcels {
  readonly #node: KeepingNode;
  readonly #setting: ParcelSetting;
  readonly #deposits: Deposits;
  readonly #fetches: Fetches;
  readonly #stock: Stock;
  readonly #office: Office;
  /** The audience of a segment, as of the latest transaction. */
  readonly #stored: (segment: Segment) => Audience | undefined;
  #questions = 0;

  constructor(node: KeepingNode, world: Pick<ParcelSetting, 'world' | 'outbox' | 'isAway'>) {
    this.#node = node;
    const { store } = node.replica;
    const { audiences } = node.access;
    this.#stored = (segment) => audiences.find(audienceIdOf(segment));
    const own = node.identity.id;
    this.#setting = {
      own,
      world: world.world,
      outbox: world.outbox,
      homes: new Homes(store, audiences),
      cache: new ParcelCache(limits.parcelCacheBytes),
      now: () => node.now,
      place: () => ({ view: node.replica.raft.view, seqno: store.version }),
      isAway: (other) => other !== own && world.isAway(other),
      keep: (parcels, then) => this.#keep(parcels, then),
    };
    this.#deposits = new Deposits(this.#setting);
    this.#fetches = new Fetches(this.#setting);
    this.#stock = new Stock(
      this.#setting,
      {
        store,
        audiences,
        committed: () => node.replica.raft.commit,
        viewAt: (seqno) => node.replica.viewAt(seqno),
      },
      this.#fetches,
    );
    this.#office = new Office(node.replica, this.#setting.isAway);
  }

  /** A parcel that is in memory here. */
  find(id: ParcelId): Parcel | undefined {
    return this.#setting.cache.find(id);
  }

  /** The primary as this node knows it. */
  get #leader(): NodeId | null {
    return this.#node.replica.raft.leader;
  }

  /** Whether this node is one of those that keep these. */
  keepsAll(names: readonly ParcelName[]): boolean {
    const { homes, own } = this.#setting;
    return names.every(({ segment }) => homes.keeps(own, segment));
  }

  /**
   * Whether some of this is for none but nodes of its parties, of which this is none. A primary that is asked for such
   * leaves its office to one of those.
   */
  isWithheld(segments: Iterable<Segment>, find = this.#stored): boolean {
    const { homes, own } = this.#setting;
    const nodes = [...new Set(segments)].flatMap((segment) => {
      const audience = find(segment);
      return audience && !audience.lends ? [homes.nodesFor(readersOfSegment(audience, segment))] : [];
    });
    if (nodes.every((each) => each.includes(own))) return false;
    const [first = [], ...others] = nodes;
    this.#office.leaveTo(
      first.filter((node) => others.every((each) => each.includes(node))),
      this.#node.now,
    );
    return true;
  }

  /** Has parcels stored by the nodes of their parties; see `Deposits`. */
  deposit(
    parcels: readonly Parcel[],
    readersOf: (segment: Segment) => readonly Reader[],
    then: (isStored: boolean) => void,
    options: DepositOptions = { isLasting: false },
  ): void {
    this.#deposits.make(parcels, readersOf, then, options);
  }

  /** The transaction that made these did not come about: they are nobody's. */
  withdraw(parcels: readonly Parcel[], readersOf: (segment: Segment) => readonly Reader[]): void {
    const { own, homes, outbox } = this.#setting;
    const bySegment = Map.groupBy(parcels, ({ segment }) => segment);
    for (const [segment, each] of bySegment) {
      const paths = each.map(pathOf);
      for (const node of homes.nodesFor(readersOf(segment))) {
        if (node === own) outbox.push({ kind: 'drop-parcels', paths });
        else outbox.push({ kind: 'send', to: node, message: encodeWire({ kind: 'withdrawn', paths }) });
      }
    }
  }

  /** Looks for parcels on disk and with other nodes. Gives on what was found, all or less. */
  fetch(names: readonly ParcelName[], then: (found: readonly Parcel[]) => void): void {
    this.#fetches.fetch(names, then);
  }

  received(from: NodeId, message: ParcelMessage): void {
    switch (message.kind) {
      case 'deposit':
        this.#take(from, message);
        return;
      case 'deposited':
        this.#deposits.stored(from, message.id);
        return;
      case 'withdrawn':
        if (from === this.#leader) this.#setting.outbox.push({ kind: 'drop-parcels', paths: message.paths });
        return;
      case 'parcels-wanted':
        this.#lend(from, message.id, message.paths);
        return;
      case 'parcels':
        this.#fetches.given(from, message.id, message.parcels);
        return;
      case 'parcel-list-wanted':
        this.#list(from, message);
        return;
      case 'parcel-list':
        this.#stock.listed(from, message.id, message.names, message.goesOn);
        return;
      default:
        message satisfies never;
    }
  }

  /** There is a channel to a node again. */
  found(): void {
    this.#stock.wantComparison();
  }

  /** The channel to a node is lost. */
  lost(node: NodeId): void {
    this.#deposits.lost(node);
    this.#fetches.lost(node);
  }

  committed(seqno: number): void {
    this.#stock.committed(seqno);
  }

  tick(elapsedMs: number): void {
    const now = this.#node.now;
    this.#deposits.expire(now);
    this.#fetches.expire(now);
    this.#stock.tick(elapsedMs, now);
    this.#office.tick(now);
  }

  /** Gives up everything that was asked of other nodes. */
  leave(): void {
    this.#deposits.expire(Number.POSITIVE_INFINITY);
    this.#fetches.expire(Number.POSITIVE_INFINITY);
  }

  #keep(parcels: readonly Parcel[], then: (isKept: boolean) => void): void {
    const { world, cache, outbox } = this.#setting;
    world.keepParcels(parcels.map(fileOf), (error) => {
      if (error === undefined) for (const parcel of parcels) cache.add(parcel);
      else outbox.log('fail', `Parcels could not be stored: ${error}`);
      then(error === undefined);
    });
  }

  /** The primary has something stored here. Whose it is, this node's tables may not know yet. */
  #take(from: NodeId, deposit: ParcelDeposit): void {
    const { id, parcels: files } = deposit;
    const parcels = files.flatMap((file) => parcelIn(file) ?? []);
    if (from !== this.#leader || parcels.length < files.length) return;
    this.#stock.deposited(from, deposit);
    this.#keep(parcels, (isKept) => {
      if (isKept)
        this.#setting.outbox.push({ kind: 'send', to: from, message: encodeWire({ kind: 'deposited', id }) });
    });
  }

  /** Nodes of the same parties may have what they ask for, and the primary, which runs the calls of those who lend. */
  #mayHave(node: NodeId, segment: Segment): boolean {
    return (
      this.#setting.homes.keeps(node, segment) ||
      (node === this.#leader && this.#stored(segment)?.lends === true)
    );
  }

  #lend(to: NodeId, id: number, paths: readonly string[]): void {
    if (this.#questions >= limits.parcelQuestionsMax) return;
    const { cache, world, outbox } = this.#setting;
    const allowed = paths.filter((path) => this.#mayHave(to, nameAt(path).segment));
    const atHand = allowed.flatMap((path) => cache.find(nameAt(path).id) ?? []).map(fileOf);
    const known = new Set(atHand.map(({ path }) => path));
    const give = (files: readonly ParcelFile[]): void => {
      const message = encodeWire({ kind: 'parcels', id, parcels: fitting(files) });
      outbox.push({ kind: 'send', to, message });
    };
    if (known.size === allowed.length) {
      give(atHand);
      return;
    }
    this.#questions += 1;
    const onDisk = allowed.filter((path) => !known.has(path));
    world.readParcels(onDisk, (read) => {
      this.#questions -= 1;
      give([...atHand, ...read]);
    });
  }

  #list(to: NodeId, { id, folder, after }: Extract<ParcelMessage, { kind: 'parcel-list-wanted' }>): void {
    const { homes, world, outbox } = this.#setting;
    if (!homes.keeps(to, segmentIn(folder)) || this.#questions >= limits.parcelQuestionsMax) return;
    this.#questions += 1;
    world.listParcels(folder, (all) => {
      this.#questions -= 1;
      const behind = this.#stock.settled(folder, all).filter((name) => name > after);
      const names = behind.slice(0, limits.parcelNamesPerMessage);
      const list = { kind: 'parcel-list', id, names, goesOn: names.length < behind.length } as const;
      outbox.push({ kind: 'send', to, message: encodeWire(list) });
    });
  }
}

/** As many as fit into a message, at least one. */
function fitting(files: readonly ParcelFile[]): ParcelFile[] {
  let bytes = 0;
  return files.filter((file, i) => {
    bytes += file.bytes.length;
    return i === 0 || bytes <= limits.parcelMessageBytes;
  });
}

import {
  type Audiences,
  type ParcelName,
  type Segment,
  segmentsOf,
  shreddedIn,
  slipsIn,
  tables,
} from '@coco/access';
import { type NodeId, partyOfNode } from '@coco/governance';
import type { Store, Version, WriteSet } from '@coco/kv';
import { limits } from '../limits.ts';
import { encodeWire, type ParcelDeposit } from '../wire.ts';
import type { Fetches } from './fetches.ts';
import { folderOf, nameAt, pathOf } from './files.ts';
import type { ParcelSetting } from './parcel-keeper.ts';
import { Pending } from './pending.ts';

/** What the stock is held against. */
export interface StockGrounds {
  readonly store: Store;
  readonly audiences: Audiences;
  /** Last seqno that is known to be committed. */
  committed(): number;
  /** View in which an entry was made. */
  viewAt(seqno: number): number;
}

interface Wanted {
  readonly name: ParcelName;
  /** Where its slip is in the ledger; 0 when another node told of it. */
  readonly version: Version;
}

/** One segment to be compared with one other node that keeps it. */
interface Comparison {
  readonly segment: Segment;
  readonly node: NodeId;
}

/** A list that was asked of another node of the parties. */
interface Asked extends Comparison {
  readonly id: number;
  readonly held: ReadonlySet<string>;
  readonly deadline: number;
}

/**
 * Sees to it that this node has every parcel it is to keep, and no other: those of transactions it is told of, those from
 * before it came, which it compares with the other nodes of the parties, and none whose key was destroyed.
 */
export class Stock {
  readonly #setting: ParcelSetting;
  readonly #grounds: StockGrounds;
  readonly #fetches: Fetches;
  readonly #wanted = new Map<string, Wanted>();
  readonly #shredded: { readonly segment: Segment; readonly version: Version }[] = [];
  /** Segments compared, each with the node it was compared with. */
  readonly #compared = new Set<string>();
  readonly #dropped = new Set<Segment>();
  readonly #pending = new Pending();
  #toCompare: Comparison[] = [];
  #changes = 0;
  /** Changes as of when `#toCompare` was made. */
  #madeAt = -1;
  #asked: Asked | undefined;
  #party: string | undefined;
  #sinceLookMs = 0;
  #isFetching = false;
  #lastId = 0;

  constructor(setting: ParcelSetting, grounds: StockGrounds, fetches: Fetches) {
    this.#setting = setting;
    this.#grounds = grounds;
    this.#fetches = fetches;
    grounds.store.onApply((version, writeSet) => this.#applied(version, writeSet));
    grounds.store.onRollback((to) => this.#rolledBack(to));
    grounds.store.onAdopt(() => this.#adopted());
    grounds.store.onWrite(tables.audiences, (_, writes) => {
      // One that was just founded holds nothing that this node was not told of.
      for (const [id] of writes) if ((grounds.audiences.find(id)?.epoch ?? 1) > 1) this.wantComparison();
    });
  }

  /** A primary has had something stored here. */
  deposited(primary: NodeId, deposit: ParcelDeposit): void {
    if (!deposit.isLasting) this.#pending.took(primary, deposit);
  }

  /** Those of the parcels of a folder whose transactions are in the ledger, as far as this node knows. */
  settled(folder: string, names: readonly string[]): string[] {
    return names.filter((name) => !this.#pending.has(`${folder}/${name}`));
  }

  /** Of what lies between this node was told nothing. */
  #adopted(): void {
    this.#pending.forget();
    this.#compared.clear();
    this.wantComparison();
  }

  /** There may be something here to keep that this node was never told of. */
  wantComparison(): void {
    this.#changes += 1;
  }

  #applied(version: Version, writeSet: WriteSet): void {
    const { own, homes, cache } = this.#setting;
    for (const segment of shreddedIn(writeSet)) this.#shredded.push({ segment, version });
    for (const name of slipsIn(writeSet, this.#grounds.audiences)) {
      this.#pending.named(pathOf(name), version);
      if (!cache.find(name.id) && homes.keeps(own, name.segment)) this.#want(name, version);
    }
  }

  #rolledBack(to: Version): void {
    this.#pending.rolledBack(to);
    for (const [path, { version }] of this.#wanted) if (version > to) this.#wanted.delete(path);
    while ((this.#shredded.at(-1)?.version ?? 0) > to) this.#shredded.pop();
  }

  #want(name: ParcelName, version: Version): void {
    if (this.#wanted.size < limits.parcelsWantedMax) this.#wanted.set(pathOf(name), { name, version });
  }

  /** What was shredded for good is removed from the disk, and what was stored for transactions that never came. */
  committed(seqno: number): void {
    const paths = this.#pending.decide(seqno, this.#grounds.viewAt(seqno));
    if (paths.length > 0) this.#setting.outbox.push({ kind: 'drop-parcels', paths });
    while ((this.#shredded[0]?.version ?? Number.POSITIVE_INFINITY) <= seqno) {
      this.#drop((this.#shredded.shift() as { segment: Segment }).segment);
    }
  }

  tick(elapsedMs: number, now: number): void {
    if (this.#asked && this.#asked.deadline <= now) {
      this.#asked = undefined;
      this.wantComparison();
    }
    this.#sinceLookMs += elapsedMs;
    if (this.#sinceLookMs < limits.parcelLookMs) return;
    this.#sinceLookMs = 0;
    this.#leave();
    this.#fetchWanted();
    this.#planComparison();
    if (!this.#asked) this.#compareNext();
  }

  /** A node that members take from a party gives up what it kept for it. */
  #leave(): void {
    const { store, committed, audiences } = this.#grounds;
    const before = this.#party;
    this.#party = partyOfNode(store.at(committed()), this.#setting.own);
    if (before === this.#party) return;
    this.#compared.clear();
    if (before === undefined) return;
    const { own, homes } = this.#setting;
    for (const audience of audiences.withParties()) {
      for (const segment of segmentsOf(audience)) if (!homes.keeps(own, segment)) this.#drop(segment);
    }
  }

  #fetchWanted(): void {
    if (this.#isFetching || this.#wanted.size === 0) return;
    const batch = [...this.#wanted].slice(0, limits.parcelsFetchedAtOnce);
    // What is not found now lets others go first the next time.
    for (const [path, wanted] of batch) {
      this.#wanted.delete(path);
      this.#wanted.set(path, wanted);
    }
    this.#isFetching = true;
    const names = batch.map(([, { name }]) => name);
    this.#fetches.fetch(names, (found) => {
      this.#isFetching = false;
      for (const parcel of found) this.#wanted.delete(pathOf(parcel));
    });
  }

  /** Which segments are to be compared with whom. */
  #planComparison(): void {
    const { own, homes, isAway } = this.#setting;
    const changes = this.#changes + homes.changes;
    if (this.#asked || this.#toCompare.length > 0 || changes === this.#madeAt) return;
    this.#madeAt = changes;
    const { audiences } = this.#grounds;
    for (const audience of audiences.withParties()) {
      for (const segment of segmentsOf(audience)) {
        if (audiences.isShredded(segment)) this.#dropOnce(segment);
        const nodes = homes.nodesOf(segment);
        if (!nodes.includes(own)) continue;
        for (const node of nodes) {
          if (node === own || isAway(node) || this.#compared.has(`${segment} ${node}`)) continue;
          this.#toCompare.push({ segment, node });
        }
      }
    }
  }

  #compareNext(): void {
    const next = this.#toCompare.shift();
    if (!next) return;
    this.#setting.world.listParcels(folderOf(next.segment), (names) => this.#ask(next, new Set(names), ''));
  }

  #ask({ node, segment }: Comparison, held: ReadonlySet<string>, after: string): void {
    const { outbox, now } = this.#setting;
    this.#lastId += 1;
    const deadline = now() + limits.parcelPatienceMs;
    this.#asked = { id: this.#lastId, node, segment, held, deadline };
    const question = {
      kind: 'parcel-list-wanted',
      id: this.#lastId,
      folder: folderOf(segment),
      after,
    } as const;
    outbox.push({ kind: 'send', to: node, message: encodeWire(question) });
  }

  /** Another node has told what it holds. */
  listed(from: NodeId, id: number, names: readonly string[], goesOn: boolean): void {
    const asked = this.#asked;
    if (asked?.node !== from || asked.id !== id) return;
    this.#asked = undefined;
    const { node, segment, held } = asked;
    const folder = folderOf(segment);
    for (const name of names) if (!held.has(name)) this.#want(nameAt(`${folder}/${name}`), 0);
    const last = names.at(-1);
    if (goesOn && last !== undefined) {
      this.#ask(asked, held, last);
      return;
    }
    this.#compared.add(`${segment} ${node}`);
    this.#compareNext();
  }

  #dropOnce(segment: Segment): void {
    if (this.#dropped.has(segment)) return;
    this.#dropped.add(segment);
    this.#drop(segment);
  }

  #drop(segment: Segment): void {
    const { cache, outbox } = this.#setting;
    cache.drop(segment);
    for (const [path, { name }] of this.#wanted) if (name.segment === segment) this.#wanted.delete(path);
    outbox.push({ kind: 'drop-parcels', folder: folderOf(segment) });
  }
}

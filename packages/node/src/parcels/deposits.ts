import type { Parcel, Reader, Segment } from '@coco/access';
import type { NodeId } from '@coco/governance';
import { limits } from '../limits.ts';
import { encodeWire, type ParcelDeposit } from '../wire.ts';
import { fileOf } from './files.ts';
import type { ParcelSetting } from './parcel-keeper.ts';

/** How parcels are deposited. */
export interface DepositOptions {
  /**
   * Whether they stay where they are though their transaction may come later than at once, or not at all. Otherwise
   * `then` is where it comes, or never.
   */
  readonly isLasting: boolean;
}

/** Parcels that wait to be stored by nodes of their parties. */
interface Deposit {
  /** Nodes that are to store what it has of each segment. */
  readonly homes: ReadonlyMap<Segment, readonly NodeId[]>;
  /** Nodes that have not answered. */
  readonly waiting: Set<NodeId>;
  readonly stored: Set<NodeId>;
  readonly deadline: number;
  /** In which it was begun: nodes that hear of a later one give up what has not come. */
  readonly view: number;
  readonly then: (isStored: boolean) => void;
}

/**
 * What a call put into parcels, on its way to the nodes of their parties. The transaction enters the ledger only when
 * every one of these nodes that can be reached has stored its part, and each audience's at least one: an entry whose
 * parcels nobody has can thus not come about.
 */
export class Deposits {
  readonly #setting: ParcelSetting;
  readonly #open = new Map<number, Deposit>();
  /** How many deposits wait for each node. */
  readonly #owed = new Map<NodeId, number>();
  #lastId = 0;

  constructor(setting: ParcelSetting) {
    this.#setting = setting;
  }

  /**
   * Has parcels stored; at once false when one of them has no node that could be asked, or too many wait. A node that
   * leaves many unanswered is asked no more, as one that is away: it takes nothing from calls of other companies.
   */
  make(
    parcels: readonly Parcel[],
    readersOf: (segment: Segment) => readonly Reader[],
    then: (isStored: boolean) => void,
    { isLasting }: DepositOptions,
  ): void {
    const { homes, now, place } = this.#setting;
    const segments = new Set(parcels.map(({ segment }) => segment));
    const found = [...segments].map((segment): [Segment, NodeId[]] => [
      segment,
      homes.nodesFor(readersOf(segment)).filter((node) => this.#mayAsk(node)),
    ]);
    if (found.some(([, nodes]) => nodes.length === 0) || this.#open.size >= limits.parcelDepositsMax) {
      then(false);
      return;
    }
    const nodes = new Map(found);
    const waiting = new Set(found.flatMap(([, each]) => each));
    for (const node of waiting) this.#owed.set(node, this.#owedBy(node) + 1);
    this.#lastId += 1;
    const deadline = now() + limits.parcelPatienceMs;
    const id = this.#lastId;
    const { view, seqno } = place();
    this.#open.set(id, { homes: nodes, waiting, stored: new Set(), deadline, view, then });
    const [before = id] = this.#open.keys();
    const head = { kind: 'deposit', id, view, isLasting, decided: { before, at: seqno } } as const;
    for (const node of waiting) {
      const own = parcels.filter(({ segment }) => nodes.get(segment)?.includes(node));
      this.#send(node, { ...head, parcels: own.map(fileOf) }, own);
    }
  }

  /** A node has stored its part of a deposit. */
  stored(node: NodeId, id: number): void {
    const deposit = this.#open.get(id);
    if (!deposit?.waiting.has(node)) return;
    deposit.stored.add(node);
    this.#settle(id, node);
  }

  /** The channel to a node is lost. */
  lost(node: NodeId): void {
    for (const id of this.#open.keys()) this.#settle(id, node);
  }

  /** Goes on without those who have not answered in time. */
  expire(now: number): void {
    for (const [id, { waiting, deadline }] of this.#open) {
      if (deadline <= now) for (const node of waiting) this.#settle(id, node);
    }
  }

  #mayAsk(node: NodeId): boolean {
    return !this.#setting.isAway(node) && this.#owedBy(node) < limits.parcelDepositsPerNodeMax;
  }

  #owedBy(node: NodeId): number {
    return this.#owed.get(node) ?? 0;
  }

  #send(node: NodeId, deposit: ParcelDeposit, parcels: readonly Parcel[]): void {
    const { own, outbox, keep } = this.#setting;
    const { id } = deposit;
    if (node === own) {
      keep(parcels, (isKept) => (isKept ? this.stored(own, id) : this.#settle(id, own)));
      return;
    }
    outbox.push({ kind: 'send', to: node, message: encodeWire(deposit) });
  }

  /** Waits for a node no longer; for nobody any more: it is decided. */
  #settle(id: number, node: NodeId): void {
    const deposit = this.#open.get(id);
    if (!deposit) return;
    const { waiting, stored, homes, view, then } = deposit;
    if (waiting.delete(node)) this.#owed.set(node, this.#owedBy(node) - 1);
    if (waiting.size > 0) return;
    this.#open.delete(id);
    const isStored = [...homes.values()].every((nodes) => nodes.some((each) => stored.has(each)));
    then(isStored && view === this.#setting.place().view);
  }
}

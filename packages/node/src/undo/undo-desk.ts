import { type Audiences, Shelves } from '@coco/access';
import { type Obstacle, traceOf, type UndoPlanning } from '@coco/governance';
import { Lineage } from '@coco/kv';
import type { Application } from '../application.ts';
import type { NodeView } from '../endpoints/context.ts';
import { compensate } from './compensate.ts';
import { EarlierLineage } from './earlier-lineage.ts';
import { Errand } from './errand.ts';
import { PastWrites } from './past-writes.ts';
import { StandingBook } from './standing-book.ts';

/** What a node brings to the undo of transactions: who read and wrote what, and past values. */
export class UndoDesk {
  readonly #node: Pick<NodeView, 'access' | 'parcels'>;
  readonly #replica: NodeView['replica'];
  readonly #application: Application;
  readonly #past: PastWrites;
  readonly #audiences: Audiences;
  readonly standings: StandingBook;
  readonly #lineage: Lineage;
  readonly #earlier: EarlierLineage;
  /** What the latest planning met with. */
  #obstacle: Obstacle | undefined;

  /** Follows the store from its next version on. */
  constructor(node: Pick<NodeView, 'replica' | 'application' | 'historical' | 'access' | 'parcels'>) {
    const { store } = node.replica;
    this.#node = node;
    this.#replica = node.replica;
    this.#application = node.application;
    this.#audiences = node.access.audiences;
    this.#past = new PastWrites(node.historical);
    this.standings = new StandingBook(store, (seqno) => node.replica.viewAt(seqno));
    this.#lineage = new Lineage(store.version + 1);
    this.#earlier = new EarlierLineage(this.#lineage, node.historical);
    store.onApply((version, writeSet) => this.#lineage.record(version, traceOf(writeSet)));
    store.onRollback((version) => this.#lineage.truncate(version));
  }

  /** Takes what a recovery read of the time before; of no use to a node whose own knowledge begins later. */
  precede(earlier: Lineage): void {
    if (earlier.end === this.#lineage.from) this.#lineage.precede(earlier);
  }

  /** Goes on with reads of the ledger. */
  step(): void {
    this.#past.step();
    this.#earlier.step();
  }

  /** Why the latest planning came to nothing yet. */
  get obstacle(): Obstacle | undefined {
    return this.#obstacle;
  }

  /** For one request. */
  errand(): Errand {
    return new Errand(this.#node);
  }

  /** For the planning of one undo. */
  planning(errand: Errand): UndoPlanning {
    this.#obstacle = undefined;
    const { nextSeqno, raft, secrets, store } = this.#replica;
    const parts = { application: this.#application, audiences: this.#audiences, store, parcels: errand };
    const noted = <T>(given: T): T => {
      if (isObstacle(given)) this.#obstacle = given;
      return given;
    };
    return {
      kind: 'planning',
      lineage: this.#lineage,
      place: { view: raft.view, seqno: nextSeqno },
      reachBack: (version) => noted(this.#earlier.reachBack(version)),
      past: (version) => noted(this.#past.get(version)),
      salt: (version, change) => secrets.keyFor(version).undoSalts.sign(change),
      audiences: this.#audiences,
      shelves: new Shelves(this.#audiences, errand.begin()),
      lacking: () => noted(errand.lacking()),
      storing: (parcels) => noted(errand.storing(parcels)),
      compensate: (call) => {
        const made = compensate(parts, call);
        if (made.kind === 'wrote') errand.show(made.parcels);
        if (made.kind !== 'lacked') return made;
        return { kind: 'obstructed', by: noted(errand.lacking(made.names) ?? 'away') };
      },
    };
  }
}

function isObstacle(given: unknown): given is Obstacle {
  return given === 'loading' || given === 'missing' || given === 'away';
}

import type { Audiences } from '@coco/access';
import { traceOf, type UndoPlanning } from '@coco/governance';
import { Lineage, type Store } from '@coco/kv';
import type { LedgerSecrets } from '@coco/ledger';
import type { Application } from '../application.ts';
import type { NodeView } from '../endpoints/context.ts';
import { compensate } from './compensate.ts';
import { PastWrites } from './past-writes.ts';
import { StandingBook } from './standing-book.ts';

/** What a node brings to the undo of transactions: who read and wrote what, and past values. */
export class UndoDesk {
  readonly #store: Store;
  readonly #secrets: LedgerSecrets;
  readonly #application: Application;
  readonly #past: PastWrites;
  readonly #audiences: Audiences;
  readonly standings: StandingBook;
  #lineage: Lineage;
  /** Whether the latest planning asked for something that is still being read. */
  isLoading = false;

  /** Follows the store from its next version on. */
  constructor(node: Pick<NodeView, 'replica' | 'application' | 'historical' | 'access'>) {
    const { store, secrets } = node.replica;
    this.#store = store;
    this.#secrets = secrets;
    this.#application = node.application;
    this.#audiences = node.access.audiences;
    this.#past = new PastWrites(node.historical);
    this.standings = new StandingBook(store, (seqno) => node.replica.viewAt(seqno));
    this.#lineage = new Lineage(store.version + 1);
    store.onApply((version, writeSet) => this.#lineage.record(version, traceOf(writeSet)));
    store.onRollback((version) => this.#lineage.truncate(version));
  }

  /** Takes what a recovery read of the time before; of no use to a node whose own knowledge begins later. */
  precede(earlier: Lineage): void {
    if (earlier.end === this.#lineage.from) this.#lineage = earlier.followedBy(this.#lineage);
  }

  /** Goes on with reads of the ledger. */
  step(): void {
    this.#past.step();
  }

  /** For the planning of one undo. */
  planning(): UndoPlanning {
    this.isLoading = false;
    return {
      kind: 'planning',
      lineage: this.#lineage,
      past: (version) => {
        const writes = this.#past.get(version);
        if (writes === 'loading') this.isLoading = true;
        return writes;
      },
      salt: (version, change) => this.#secrets.keyFor(version).undoSalts.sign(change),
      audiences: this.#audiences,
      compensate: (call) => compensate(this.#application, this.#store, call),
    };
  }
}

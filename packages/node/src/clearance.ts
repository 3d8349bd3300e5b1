import { mayHoldSecrets, nodeStandings, suspendedNodes } from '@coco/governance';
import type { Store } from '@coco/kv';

/** Whether the members let this node hold ledger secrets: by the tables, which are read again when they were written. */
export class Clearance {
  readonly #store: Store;
  readonly #id: string;
  #known: boolean | undefined;

  constructor(store: Store, id: string) {
    this.#store = store;
    this.#id = id;
    const forget = (): void => {
      this.#known = undefined;
    };
    for (const table of [nodeStandings, suspendedNodes]) store.onWrite(table.name, forget);
    store.onRollback(forget);
  }

  get mayHoldSecrets(): boolean {
    this.#known ??= mayHoldSecrets(this.#store.begin(), this.#id);
    return this.#known;
  }
}

import type { Audiences, Reader, Segment } from '@coco/access';
import {
  accessUsers,
  type NodeId,
  nodeInfos,
  nodeParties,
  nodeStandings,
  nodesOfParties,
  partyOfReader,
} from '@coco/governance';
import type { Store } from '@coco/kv';

/** Which nodes keep the parcels of which audiences: the trusted nodes of its parties. Follows the tables by itself. */
export class Homes {
  readonly #store: Store;
  readonly #audiences: Audiences;
  #nodes: ReadonlyMap<string, readonly NodeId[]> | undefined;
  /** How often anything changed that it rests on; audiences apart. */
  changes = 0;

  constructor(store: Store, audiences: Audiences) {
    this.#store = store;
    this.#audiences = audiences;
    const forget = (): void => {
      this.#nodes = undefined;
      this.changes += 1;
    };
    for (const table of [nodeInfos, nodeStandings, nodeParties, accessUsers])
      store.onWrite(table.name, forget);
    store.onRollback(forget);
    store.onAdopt(forget);
  }

  /** Nodes of the parties that these readers are, or act for. */
  nodesFor(readers: readonly Reader[]): NodeId[] {
    const state = this.#store.begin();
    this.#nodes ??= nodesOfParties(state);
    const parties = new Set(readers.map((reader) => partyOfReader(state, reader)));
    state.discard();
    return [...parties].flatMap((party) => (party === undefined ? [] : (this.#nodes?.get(party) ?? [])));
  }

  /** Nodes that keep what a segment holds. */
  nodesOf(segment: Segment): NodeId[] {
    return this.nodesFor(this.#audiences.readersOf(segment));
  }

  /** Whether a node keeps what a segment holds. */
  keeps(node: NodeId, segment: Segment): boolean {
    return this.nodesOf(segment).includes(node);
  }
}

import { type NodeInfo, nodeInfos } from '@coco/governance';
import type { Store } from '@coco/kv';
import { rpcAddressOf } from './frontend/elsewhere.ts';
import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { type Acquaintance, encodeWire } from './wire.ts';

/**
 * Whom this node may have a channel with: nodes of its tables, and those that such a node knows. Without the latter a
 * node that fell behind while others came and went could never be reached by those that came.
 */
export class Peers {
  readonly #store: Store;
  readonly #outbox: Outbox;
  readonly #own: string;
  /** As the tables say. */
  #recorded = new Map<string, Acquaintance>();
  /** Nodes the tables name whose retirement is recorded as committed. */
  #retired = new Set<string>();
  readonly #heardOf = new Map<string, Acquaintance>();
  #told = '';

  /** `introduced` are nodes that the service named when it admitted this one. */
  constructor(store: Store, outbox: Outbox, own: string, introduced: readonly Acquaintance[] = []) {
    this.#store = store;
    this.#outbox = outbox;
    this.#own = own;
    for (const peer of introduced) this.#heardOf.set(peer.id, peer);
    store.onWrite(nodeInfos.name, () => this.refresh());
    store.onRollback(() => this.refresh());
  }

  /** Whether a message of this node is to be listened to. */
  has(id: string): boolean {
    return this.#recorded.has(id) || this.#heardOf.has(id);
  }

  /** Every node known here. */
  get known(): readonly Acquaintance[] {
    return [...this.#recorded.values(), ...this.#heardOf.values()];
  }

  /** Where clients reach a node, if anybody has said. */
  rpcAddressOf(id: string): string | undefined {
    return (this.#recorded.get(id) ?? this.#heardOf.get(id))?.rpc || undefined;
  }

  /** Reads the tables, and tells the host if anything changed; those who may not know yet are told as well. */
  refresh(): void {
    this.#recorded = new Map();
    this.#retired = new Set();
    for (const [id, info] of nodeInfos.entries(this.#store.begin())) {
      if (id === this.#own || info.status === 'Pending') continue;
      this.#recorded.set(id, acquaintance(id, info));
      this.#heardOf.delete(id);
      if (info.retired_committed === true) this.#retired.add(id);
    }
    this.#announce();
    for (const id of this.#recorded.keys()) this.greet(id);
  }

  /** A channel came up: whoever is there is told whom this node knows. */
  greet(id: string): void {
    if (!this.#recorded.has(id)) return;
    const nodes = [...this.#recorded.values()].filter(
      (each) => each.id !== id && !this.#retired.has(each.id),
    );
    if (nodes.length > 0)
      this.#outbox.push({ kind: 'send', to: id, message: encodeWire({ kind: 'peers', nodes }) });
  }

  /** A node of the tables tells of others. */
  heard(from: string, nodes: readonly Acquaintance[]): void {
    if (!this.#recorded.has(from) && !this.#heardOf.has(from)) return;
    for (const node of nodes) {
      const { id } = node;
      if (id === this.#own || this.#recorded.has(id) || this.#heardOf.size >= limits.peersMax) continue;
      this.#heardOf.set(id, node);
    }
    this.#announce();
  }

  #announce(): void {
    const nodes = this.known.map(({ id, address }) => ({ id, address }));
    const told = JSON.stringify(nodes);
    if (told === this.#told) return;
    this.#told = told;
    this.#outbox.push({ kind: 'peers', nodes });
  }
}

/** A node of the tables, as others are told of it. */
export function acquaintance(id: string, info: NodeInfo): Acquaintance {
  return { id, address: addressOf(info), rpc: rpcAddressOf(info, undefined) ?? '' };
}

/** Where other nodes reach a node. */
export function addressOf({ node_to_node_interface: at }: NodeInfo): string {
  return at.published_address ?? at.bind_address;
}

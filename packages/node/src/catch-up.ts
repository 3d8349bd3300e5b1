import { nodeInfos } from '@coco/governance';
import { rpcAddressOf } from './frontend/elsewhere.ts';
import { limits } from './limits.ts';
import type { NodeParts } from './parts.ts';
import type { Peers } from './peers.ts';
import type { Replica } from './replica.ts';
import { type FoundSnapshot, SnapshotFetch } from './snapshot-search.ts';

/**
 * Fetches a snapshot for a node that has fallen behind what the primary still holds. Consensus asks again with each
 * heartbeat, so that a fetch that fails is simply begun anew.
 */
export class CatchUp {
  readonly #parts: NodeParts;
  readonly #replica: Replica;
  readonly #peers: Peers;
  readonly #servicePem: () => string;
  readonly #done: (found: FoundSnapshot) => void;
  #isFetching = false;
  #asked = 0;

  constructor(
    parts: NodeParts,
    replica: Replica,
    peers: Peers,
    servicePem: () => string,
    done: (found: FoundSnapshot) => void,
  ) {
    this.#parts = parts;
    this.#replica = replica;
    this.#peers = peers;
    this.#servicePem = servicePem;
    this.#done = done;
  }

  /** The primary holds nothing before a snapshot beyond `after`. */
  needed(primary: string, after: number): void {
    if (this.#isFetching) return;
    const address = this.#peers.rpcAddressOf(primary) ?? this.#nextAddress();
    if (address === undefined) return;
    this.#isFetching = true;
    const { world, outbox, config } = this.#parts;
    outbox.log(
      'info',
      `This node has fallen behind what the primary holds: it asks ${address} for a snapshot.`,
    );
    const servicePem = this.#servicePem();
    const options = {
      address,
      caPem: servicePem,
      attemptsMax: 1,
      bytesMax: bytesMaxOf(config),
      pause: () => undefined,
    };
    const { secrets } = this.#replica;
    const trust = { servicePem, ...(secrets.latest() === undefined ? {} : { secrets }) };
    const fetch = new SnapshotFetch({ world, outbox }, options, trust, (found) => {
      this.#isFetching = false;
      // The ledger may have caught up meanwhile, and what it acknowledged must not be lost.
      if (found && this.#replica.raft.lacks(found.loaded.txId)) this.#done(found);
    });
    fetch.start(after + 1);
  }

  /** Another node each time: the tables are old, and some of the nodes they name may be gone. Any sends to the primary. */
  #nextAddress(): string | undefined {
    const others = [...nodeInfos.entries(this.#replica.store.begin())].filter(
      ([id, info]) => id !== this.#parts.identity.id && info.status === 'Trusted',
    );
    this.#asked += 1;
    return rpcAddressOf(others[this.#asked % Math.max(1, others.length)]?.[1], undefined);
  }
}

function bytesMaxOf({ command }: NodeParts['config']): number {
  return command.type === 'Join' ? command.join.fetch_snapshot_max_size : limits.snapshotFetchBytesMax;
}

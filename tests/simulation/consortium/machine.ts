import type { Clock } from '../world/clock.ts';
import type { Random } from '../world/random.ts';
import type { Tally } from '../world/tally.ts';
import { Daemon, type DaemonWorld, type Launch } from './daemon.ts';
import { LedgerDisk } from './ledger-disk.ts';
import { SnapshotShelf } from './snapshot-shelf.ts';

/** A computer with a disk, on which one node process after the other runs. */
export class Machine {
  readonly name: string;
  /** Where nodes on it are reached, `host:port`. */
  readonly address: string;
  readonly disk: LedgerDisk;
  readonly snapshots = new SnapshotShelf();
  /** What only nodes of its company keep, by path. */
  readonly parcels = new Map<string, Uint8Array>();
  #daemon: Daemon | null = null;

  constructor(
    name: string,
    world: { readonly clock: Clock; readonly random: Random; readonly faults: Tally },
    diskLatency: readonly [min: number, max: number],
  ) {
    this.name = name;
    this.address = `${name}.example.com:8000`;
    this.disk = new LedgerDisk({ ...world, latency: diskLatency });
  }

  /** Id of the node that ran here last. */
  get lastNode(): string | undefined {
    return this.#daemon?.node.id;
  }

  /** The process that runs, if one does. */
  get daemon(): Daemon | null {
    return this.#daemon?.isAlive === true ? this.#daemon : null;
  }

  /** Starts a node process; a new node every time. */
  start(launch: Launch, world: DaemonWorld): Daemon {
    const daemon = new Daemon(this, launch, world);
    this.#daemon = daemon;
    daemon.start();
    return daemon;
  }
}

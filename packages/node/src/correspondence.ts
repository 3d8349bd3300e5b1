import type { FetchRequest, ParcelFile, SnapshotChoice } from './effect.ts';
import type { Event, FetchResult } from './event.ts';
import type { Outbox } from './outbox.ts';

/** A piece of a committed snapshot file, or that there is none. */
export type SnapshotPiece = Omit<Extract<Event, { kind: 'snapshot-read' }>, 'kind' | 'id'>;

type ParcelEvent = Extract<Event, { kind: 'parcels-kept' | 'parcels-read' | 'parcels-listed' }>;

/** Questions to the world that it answers one by one: other servers, snapshots and parcels of the host. */
export class Correspondence {
  readonly #outbox: Outbox;
  readonly #fetches = new Map<number, (result: FetchResult) => void>();
  readonly #reads = new Map<number, (piece: SnapshotPiece) => void>();
  readonly #parcelsKept = new Map<number, (error: string | undefined) => void>();
  readonly #parcelsRead = new Map<number, (parcels: readonly ParcelFile[]) => void>();
  readonly #parcelsListed = new Map<number, (names: readonly string[]) => void>();
  #lastId = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  fetch(request: FetchRequest, done: (result: FetchResult) => void): void {
    const id = this.#next(this.#fetches, done);
    this.#outbox.push({ kind: 'fetch', id, ...request });
  }

  /** Reads bytes `from` up to and without `to`. */
  readSnapshot(
    snapshot: SnapshotChoice,
    { from, to }: { readonly from: number; readonly to: number },
    done: (piece: SnapshotPiece) => void,
  ): void {
    const id = this.#next(this.#reads, done);
    this.#outbox.push({ kind: 'read-snapshot', id, snapshot, from, to });
  }

  /** Keeps parcels; they are durable when there is no error. */
  keepParcels(parcels: readonly ParcelFile[], done: (error: string | undefined) => void): void {
    const id = this.#next(this.#parcelsKept, done);
    this.#outbox.push({ kind: 'keep-parcels', id, parcels });
  }

  readParcels(paths: readonly string[], done: (parcels: readonly ParcelFile[]) => void): void {
    const id = this.#next(this.#parcelsRead, done);
    this.#outbox.push({ kind: 'read-parcels', id, paths });
  }

  listParcels(folder: string, done: (names: readonly string[]) => void): void {
    const id = this.#next(this.#parcelsListed, done);
    this.#outbox.push({ kind: 'list-parcels', id, folder });
  }

  /** Takes what the host says of parcels. */
  parcelsAnswered(event: ParcelEvent): void {
    switch (event.kind) {
      case 'parcels-kept':
        take(this.#parcelsKept, event.id)?.(event.error);
        return;
      case 'parcels-read':
        take(this.#parcelsRead, event.id)?.(event.parcels);
        return;
      case 'parcels-listed':
        take(this.#parcelsListed, event.id)?.(event.names);
        return;
      default:
        event satisfies never;
    }
  }

  fetched(id: number, result: FetchResult): void {
    take(this.#fetches, id)?.(result);
  }

  snapshotRead(id: number, piece: SnapshotPiece): void {
    take(this.#reads, id)?.(piece);
  }

  #next<T>(waiting: Map<number, T>, done: T): number {
    this.#lastId += 1;
    waiting.set(this.#lastId, done);
    return this.#lastId;
  }
}

function take<T>(waiting: Map<number, T>, id: number): T | undefined {
  const done = waiting.get(id);
  waiting.delete(id);
  return done;
}

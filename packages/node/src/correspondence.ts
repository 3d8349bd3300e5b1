import type { FetchRequest, SnapshotChoice } from './effect.ts';
import type { Event, FetchResult } from './event.ts';
import type { Outbox } from './outbox.ts';

/** A piece of a committed snapshot file, or that there is none. */
export type SnapshotPiece = Omit<Extract<Event, { kind: 'snapshot-read' }>, 'kind' | 'id'>;

/** Questions to the world that it answers one by one: other servers, and the snapshots of the host. */
export class Correspondence {
  readonly #outbox: Outbox;
  readonly #fetches = new Map<number, (result: FetchResult) => void>();
  readonly #reads = new Map<number, (piece: SnapshotPiece) => void>();
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

  fetched(id: number, result: FetchResult): void {
    const done = this.#fetches.get(id);
    this.#fetches.delete(id);
    done?.(result);
  }

  snapshotRead(id: number, piece: SnapshotPiece): void {
    const done = this.#reads.get(id);
    this.#reads.delete(id);
    done?.(piece);
  }

  #next<T>(waiting: Map<number, T>, done: T): number {
    this.#lastId += 1;
    waiting.set(this.#lastId, done);
    return this.#lastId;
  }
}

import {
  AccessError,
  type AudienceId,
  Audiences,
  CallAccess,
  hasAudiences,
  type Parcel,
  ParcelDesk,
  type ParcelId,
  type Parcels,
  type Recorded,
  Shelves,
  seenOf,
} from '@coco/access';
import type { PlacedEndpoint } from '@coco/contract-build';
import { type Caller, ruleOf, viewerOfCaller } from '@coco/governance';
import type { Store, Tx, WriteSet } from '@coco/kv';

/** Audiences as a service keeps them, for calls of a test. */
export class PrivateSide {
  readonly #store: Store;
  readonly #audiences: Audiences;
  readonly #kept = new Map<ParcelId, Parcel>();
  /** The one node of a test is everybody's: parcels are always at hand. */
  readonly #parcels: Parcels = { find: (id) => this.#kept.get(id) };

  constructor(store: Store, random: (length: number) => Uint8Array) {
    this.#store = store;
    this.#audiences = new Audiences(store, random);
  }

  /** The private side of one call; `onBehalfOf`: it acts for these audiences, whoever calls. */
  open(tx: Tx, endpoint: PlacedEndpoint, caller: unknown, onBehalfOf?: readonly AudienceId[]): CallAccess {
    const state = this.#store.begin();
    return new CallAccess(tx, {
      ...(onBehalfOf ? { onBehalfOf } : {}),
      audiences: this.#audiences,
      viewer: viewerOfCaller(state, caller as Caller | null),
      rule: ruleOf(state, endpoint.route, endpoint.props.access),
      parcels: this.#parcels,
    });
  }

  /** Records a transaction that is about to be committed; or why it cannot be. */
  record(
    access: CallAccess,
    place: { readonly view: number; readonly seqno: number },
    call: { readonly now: number; readonly route: string },
  ): Recorded | AccessError | undefined {
    try {
      for (const parcel of access.pack()) this.#kept.set(parcel.id, parcel);
      return access.record(place, call.now, call.route);
    } catch (error) {
      if (error instanceof AccessError) return error;
      throw error;
    }
  }

  /** What was written, opened for the eyes of the test. */
  opened(writeSet: WriteSet): WriteSet {
    const shelves = new Shelves(this.#audiences, new ParcelDesk(this.#parcels));
    return seenOf(writeSet, shelves, hasAudiences);
  }
}

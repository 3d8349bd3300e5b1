import { AccessError, Audiences, CallAccess, hasAudiences, type Recorded, seenOf } from '@coco/access';
import type { PlacedEndpoint } from '@coco/contract-build';
import { type Caller, ruleOf, viewerOfCaller } from '@coco/governance';
import type { Store, Tx, WriteSet } from '@coco/kv';

/** Audiences as a service keeps them, for calls of a test. */
export class PrivateSide {
  readonly #store: Store;
  readonly #audiences: Audiences;
  readonly #random: (length: number) => Uint8Array;

  constructor(store: Store, random: (length: number) => Uint8Array) {
    this.#store = store;
    this.#audiences = new Audiences(store);
    this.#random = random;
  }

  /** The private side of one call. */
  open(tx: Tx, endpoint: PlacedEndpoint, caller: unknown): CallAccess {
    const state = this.#store.begin();
    return new CallAccess(tx, {
      audiences: this.#audiences,
      viewer: viewerOfCaller(state, caller as Caller | null),
      rule: ruleOf(state, endpoint.route, endpoint.props.access),
      random: this.#random,
    });
  }

  /** Records a transaction that is about to be committed; or why it cannot be. */
  record(
    access: CallAccess,
    place: { readonly view: number; readonly seqno: number },
    call: { readonly now: number; readonly route: string },
  ): Recorded | AccessError | undefined {
    try {
      return access.record(place, call.now, call.route);
    } catch (error) {
      if (error instanceof AccessError) return error;
      throw error;
    }
  }

  /** What was written, opened for the eyes of the test. */
  opened(writeSet: WriteSet): WriteSet {
    return seenOf(writeSet, this.#audiences, hasAudiences);
  }
}

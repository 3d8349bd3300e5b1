import type { RetirementPhase } from '@coco/consensus';
import { nodeInfos } from '@coco/governance';
import type { Store } from '@coco/kv';
import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';

/** What the departure of a node works with. */
export interface DepartureParts {
  readonly id: string;
  readonly store: Store;
  readonly outbox: Outbox;
  /** Whether this node took part before the state it begins with; a joiner's may be from before its time. */
  readonly tookPart: boolean;
  /** The node has ended. */
  gone(reason: string): void;
}

/**
 * This node's way out of the service. Once its retirement is committed nobody keeps it up to date any more: it serves
 * nothing from then on, and after a while, in which its operator may still ask how it stands, it ends.
 */
export class Departure {
  readonly #parts: DepartureParts;
  #isOut = false;
  #outForMs = 0;

  constructor(parts: DepartureParts) {
    this.#parts = parts;
    const own = nodeInfos.get(parts.store.begin(), parts.id);
    // A snapshot tells a node that fell behind what the entries before it would have told.
    if (own?.retired_committed === true || (parts.tookPart && own === undefined)) this.#leave();
  }

  /** Whether this node has ever seen itself in the tables. Then a state without it is one after its time. */
  get tookPart(): boolean {
    const { id, store, tookPart } = this.#parts;
    return tookPart || nodeInfos.has(store.begin(), id);
  }

  /** Whether the service goes on without this node. */
  get isOut(): boolean {
    return this.#isOut;
  }

  /** Consensus has got on with it; null: the node was taken back. */
  retiring(phase: RetirementPhase | null): void {
    if (phase === 'RetiredCommitted') this.#leave();
    else {
      const what =
        phase === null ? 'This node is not retired after all.' : `Retirement of this node: ${phase}.`;
      this.#parts.outbox.log('info', what);
    }
  }

  tick(elapsedMs: number): void {
    if (!this.#isOut) return;
    this.#outForMs += elapsedMs;
    if (this.#outForMs >= limits.retiredMs)
      this.#parts.gone('This node was retired: the service goes on without it.');
  }

  #leave(): void {
    if (this.#isOut) return;
    this.#isOut = true;
    const what =
      'This node is retired and the service goes on without it: it may be stopped, and ends by itself.';
    this.#parts.outbox.log('info', what);
  }
}

import type { NodeView } from '../endpoints/context.ts';
import type { Answer } from './answer.ts';
import { primaryNotFound } from './elsewhere.ts';
import type { RequestEvent } from './pipeline.ts';
import { wantsCurrent } from './routing.ts';
import type { Target } from './target.ts';

/**
 * Requests with the header `coco-read: current`. The primary serves one only after a quorum has confirmed, later than the
 * request came, that it still is the primary: what it holds then contains all that anybody was told is committed.
 */
export class CurrentReads {
  readonly #node: NodeView;
  readonly #resume: (event: RequestEvent) => void;
  readonly #respond: (id: number, answer: Answer) => void;
  readonly #waiting = new Map<number, RequestEvent>();
  #lastContext = 0;

  constructor(
    node: NodeView,
    then: {
      readonly resume: (event: RequestEvent) => void;
      readonly respond: (id: number, answer: Answer) => void;
    },
  ) {
    this.#node = node;
    this.#resume = then.resume;
    this.#respond = then.respond;
  }

  /** Takes a request that has to wait. Backups pass theirs on, and the primary does the waiting. */
  holds(event: RequestEvent, { frontend }: Target): boolean {
    const { replica } = this.#node;
    if (!wantsCurrent(event) || frontend === 'node' || !replica.isPrimary) return false;
    this.#lastContext += 1;
    this.#waiting.set(this.#lastContext, event);
    replica.step({ kind: 'confirm', context: this.#lastContext });
    return true;
  }

  confirmed(context: number): void {
    const event = this.#waiting.get(context);
    this.#waiting.delete(context);
    if (event) this.#resume(event);
  }

  /** This node cannot vouch that it leads: the client asks again, and finds who does. */
  unconfirmed(context: number): void {
    const event = this.#waiting.get(context);
    this.#waiting.delete(context);
    if (event) this.#respond(event.id, primaryNotFound());
  }
}

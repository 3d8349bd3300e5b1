import type { Store } from '@coco/kv';
import type { Session } from '../event.ts';
import { type Answer, refusal } from './answer.ts';

/** What a session began on. */
interface Footing {
  readonly view: number;
  readonly rollbacks: number;
}

/**
 * What a session was told holds for all that follows in it. That ends when transactions are taken back, which a change
 * of view may do anywhere and a primary that gives up does within its view: then the session ends, too.
 */
export class SessionConsistency {
  readonly #footings = new WeakMap<Session, Footing>();
  #rollbacks = 0;

  constructor(store: Store) {
    store.onRollback(() => {
      this.#rollbacks += 1;
    });
  }

  /** Takes note of a request. Answers what ends its session, if that cannot go on in this view. */
  refuse(session: Session, view: number): Answer | undefined {
    const rollbacks = this.#rollbacks;
    const began = this.#footings.get(session) ?? { view: session.view ?? view, rollbacks };
    this.#footings.set(session, began);
    if (began.view !== view) {
      return lost(`was established in view ${began.view}, and the service is now in view ${view}`);
    }
    if (began.rollbacks !== rollbacks) return lost('may have seen transactions that were taken back since');
    return undefined;
  }
}

function lost(why: string): Answer {
  const message = `Current session ${why}: open a new one.`;
  return { ...refusal(500, 'SessionConsistencyLost', message), close: true };
}

import { header } from '@coco/api';
import type { Random } from '../world/random.ts';
import { Violation } from '../world/report.ts';
import { type Script, sleep } from '../world/script.ts';
import { Caller, contentOf, get, post } from './caller.ts';
import type { Consortium } from './consortium.ts';
import type { Person } from './people.ts';

const POLL_MS = 200;

/** A user of one of two companies that deal: what they write is with their own nodes alone. */
export class Dealer {
  readonly #consortium: Consortium;
  readonly #random: Random;
  readonly #caller: Caller;
  readonly #name: string;
  /** What was committed, by deal. */
  readonly #struck = new Map<string, string>();
  #deals = 0;
  isStopped = false;
  isWaiting = false;
  /** Whether all that was committed was found again. */
  hasFoundAll = false;

  constructor(consortium: Consortium, person: Person, name: string, random: Random) {
    this.#consortium = consortium;
    this.#random = random;
    this.#name = name;
    this.#caller = new Caller(consortium, person.der);
  }

  *run(): Script {
    const { clock, parameters } = this.#consortium;
    for (;;) {
      yield* sleep(clock, this.#random() * 2 * parameters.operationEveryMs);
      if (this.isStopped) return;
      this.isWaiting = true;
      yield* this.#strike();
      this.isWaiting = false;
      if (this.#random() < 0.2) this.#caller.turnElsewhere();
    }
  }

  /** Writes a deal, and follows it until it is known what became of it. */
  *#strike(): Script {
    const deal = `${this.#name} ${this.#deals++}`;
    const text = `terms of ${deal}`;
    const reply = yield* this.#caller.call(post('/app/deal', { deal, text }));
    const id =
      reply.kind === 'answer' && reply.status === 200 ? reply.headers[header.transactionId] : undefined;
    if (id === undefined) return;
    for (;;) {
      const asked = yield* this.#caller.call(get(`/app/tx?transaction_id=${id}`));
      const status = contentOf<{ status: string }>(asked)?.status;
      if (status === 'Invalid') return;
      if (status === 'Committed') break;
      yield* sleep(this.#consortium.clock, POLL_MS);
    }
    this.#struck.set(deal, text);
    this.#consortium.reached.add('deal committed');
  }

  /** Reads everything that was committed, wherever it comes to ask. */
  *lookBack(): Script {
    for (const [deal, text] of this.#struck) {
      let found: string | null | undefined;
      while (found === undefined) {
        this.#caller.turnElsewhere();
        const reply = yield* this.#caller.call(get(`/app/deal?deal=${encodeURIComponent(deal)}`));
        found = contentOf<{ text: string | null }>(reply)?.text;
        if (found === undefined) yield* sleep(this.#consortium.clock, POLL_MS);
      }
      if (found !== text) throw new Violation(`the deal ${deal} reads ${found}, not ${text}`);
      this.#consortium.reached.add('deal found again');
    }
    this.hasFoundAll = true;
  }
}

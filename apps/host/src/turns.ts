import type { Effect, Event, HttpRequest, HttpResponse, Session } from '@coco/node';
import type { RequestSink } from './http/listener.ts';
import type { Clock, Exchange, Flushable } from './http/session-host.ts';
import { limits } from './limits.ts';

/** Every effect but answers and their leaving, which belong to the turn. */
export type WorldEffect = Exclude<Effect, { kind: 'respond' | 'stream' | 'yield' }>;

/** The one function by which the node takes part in the world. */
export type Step = (events: readonly Event[]) => readonly Effect[];

/** What turns count. */
export interface TurnFacts {
  turns: number;
  requests: number;
  responses: number;
  /** Requests handed over in the largest turn. */
  requestsPerTurnMax: number;
}

/**
 * Gathers all that happens in one turn of the event loop and hands it to the node as one batch: one step,
 * one entry into the contract engine, one group for the ledger. Answers leave together, and what the node does after
 * them is done before anything else is heard.
 */
export class Turns implements RequestSink {
  readonly clock: Clock & { now: number } = { now: performance.now() };
  readonly facts: TurnFacts = { turns: 0, requests: 0, responses: 0, requestsPerTurnMax: 0 };
  readonly #step: Step;
  readonly #perform: (effect: WorldEffect) => void;
  readonly #onError: (error: unknown) => void;
  readonly #exchanges = new Map<number, Exchange>();
  /** Those whose answers go on; nobody waits for their end. */
  readonly #streams = new Map<number, Exchange>();
  #events: Event[] = [];
  #requestsGathered = 0;
  #dirty: Flushable[] = [];
  #scheduled = false;
  #lastId = 0;
  #halted = false;
  #awaitingQuiet: (() => void)[] = [];
  /** The node has more to do once answers have left. */
  #yields = false;
  #looksUntil = 0;
  #looks = false;

  /** `perform` carries out every effect but answers; `onError` hears of a step that threw. */
  constructor(step: Step, perform: (effect: WorldEffect) => void, onError: (error: unknown) => void) {
    this.#step = step;
    this.#perform = perform;
    this.#onError = onError;
  }

  /** Resolves when every request is answered and nothing is left to tell the node; at once when halted. */
  async quiet(): Promise<void> {
    if (!this.#isQuiet()) await new Promise<void>((resolve) => this.#awaitingQuiet.push(resolve));
  }

  /** The node is not to be stepped any more: it is no longer known to be sound. */
  halt(): void {
    this.#halted = true;
    this.#events = [];
    this.#noteQuiet();
  }

  /** Adds an event to the batch of this turn. */
  push(event: Event): void {
    if (this.#halted) return;
    this.#events.push(event);
    this.#schedule();
  }

  submit(exchange: Exchange, session: Session, request: HttpRequest): void {
    this.#lastId += 1;
    exchange.id = this.#lastId;
    this.#exchanges.set(exchange.id, exchange);
    this.#requestsGathered += 1;
    this.push({ kind: 'request', id: exchange.id, session, request });
  }

  abandon(exchange: Exchange): void {
    const isHeld = this.#exchanges.delete(exchange.id) || this.#streams.delete(exchange.id);
    if (isHeld) this.push({ kind: 'abandoned', id: exchange.id });
  }

  streamed(exchange: Exchange): void {
    if (this.#streams.has(exchange.id)) this.push({ kind: 'streamed', id: exchange.id });
  }

  dirty(written: Flushable): void {
    this.#dirty.push(written);
    this.#schedule();
  }

  /** Carries out effects that do not come from a turn: those of making the node. */
  performAll(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (this.#halted) return;
      if (effect.kind === 'respond') this.#respond(effect.id, effect.response);
      else if (effect.kind === 'stream') this.#stream(effect.id, effect.piece, effect.isLast);
      else if (effect.kind === 'yield') this.#yields = true;
      else this.#perform(effect);
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    this.clock.now = performance.now();
    if (this.#events.length > 0) this.facts.turns += 1;
    let flushed = this.#turn();
    while (this.#yields && !this.#halted) {
      this.#yields = false;
      this.#events.unshift({ kind: 'resumed' });
      flushed = this.#turn() || flushed;
    }
    if (flushed) this.#lookForMore();
    this.#noteQuiet();
  };

  /** Steps the node and lets answers leave. Whether there were any. */
  #turn(): boolean {
    try {
      this.#runEvents();
    } catch (error) {
      this.#onError(error);
    }
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const written of dirty) written.flush();
    return dirty.length > 0;
  }

  /** To wake a core that sleeps takes longer than a small request: who was just answered may ask again before that. */
  #lookForMore(): void {
    this.#looksUntil = performance.now() + limits.lookForMoreMs;
    if (!this.#looks) this.#look();
  }

  readonly #look = (): void => {
    this.#looks = !this.#halted && performance.now() < this.#looksUntil;
    if (this.#looks) setImmediate(this.#look);
  };

  #isQuiet(): boolean {
    return (
      this.#halted || (this.#exchanges.size === 0 && this.#events.length === 0 && this.#dirty.length === 0)
    );
  }

  #noteQuiet(): void {
    if (this.#awaitingQuiet.length === 0 || !this.#isQuiet()) return;
    for (const resolve of this.#awaitingQuiet) resolve();
    this.#awaitingQuiet = [];
  }

  #runEvents(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.facts.requests += this.#requestsGathered;
    this.facts.requestsPerTurnMax = Math.max(this.facts.requestsPerTurnMax, this.#requestsGathered);
    this.#requestsGathered = 0;
    this.performAll(this.#step(events));
  }

  #respond(id: number, response: HttpResponse): void {
    const exchange = this.#exchanges.get(id);
    // An abandoned request may still be answered in the turn in which its client went away.
    if (exchange === undefined) return;
    this.#exchanges.delete(id);
    this.facts.responses += 1;
    if (response.streams) this.#streams.set(id, exchange);
    exchange.owner.answer(exchange, response);
  }

  #stream(id: number, piece: string, isLast: boolean): void {
    const exchange = this.#streams.get(id);
    if (exchange === undefined) return;
    if (isLast) this.#streams.delete(id);
    exchange.owner.stream(exchange, piece, isLast);
  }
}

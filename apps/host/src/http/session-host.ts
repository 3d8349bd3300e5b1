import type { HttpRequest, HttpResponse, Session } from '@coco/node';
import type { InterfaceConfiguration } from '../configuration/configuration.ts';

/** A request on its way to the node and back. */
export interface Exchange {
  /** Given by `submit`; 0 when the node never hears of it. */
  id: number;
  readonly owner: Answerable;
}

/** Who gathers during a turn what is written at its end. */
export interface Flushable {
  /** Writes what gathered in this turn. */
  flush(): void;
}

/** Who takes the answers to its requests. */
export interface Answerable extends Flushable {
  answer(exchange: Exchange, response: HttpResponse): void;
  /** Takes the next piece of an answer that goes on. */
  stream(exchange: Exchange, piece: string, isLast: boolean): void;
}

/** A session of any protocol, as its listener keeps it. */
export interface LiveSession extends Answerable {
  sweep(): void;
  shutdown(): void;
  destroy(): void;
}

/** Counts of what was refused; names as `/node/metrics` shows them. */
export interface SessionErrors {
  parsing: number;
  request_payload_too_large: number;
  request_header_too_large: number;
}

/** Coarse monotonic time in milliseconds, never 0: read in place of asking the system for each request. */
export interface Clock {
  readonly now: number;
}

/** What a session has from its listener. */
export interface SessionHost {
  readonly http: InterfaceConfiguration['http_configuration'];
  /** Silence after which a session is closed; null: never. */
  readonly idleMs: number | null;
  readonly clock: Clock;
  readonly errors: SessionErrors;
  /** Hands a request to the node and numbers its exchange. */
  submit(exchange: Exchange, session: Session, request: HttpRequest): void;
  /** The client of an unanswered request, or of an answer that goes on, is gone. */
  abandon(exchange: Exchange): void;
  /** What there was of an answer that goes on has left the process. */
  streamed(exchange: Exchange): void;
  /** Asks for `flush` at the end of this turn. */
  dirty(session: Flushable): void;
  closed(session: LiveSession): void;
}

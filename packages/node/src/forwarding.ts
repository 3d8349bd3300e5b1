import type { HttpResponse } from './effect.ts';
import type { Session } from './event.ts';
import { type Answer, refusal } from './frontend/answer.ts';
import type { RequestEvent } from './frontend/pipeline.ts';
import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { encodeWire, type ForwardedAnswer, type ForwardedRequest } from './wire.ts';

/** A request of a client of this node that the primary has. */
interface Outgoing {
  /** Id of the client's request. */
  readonly requestId: number;
  readonly to: string;
  readonly deadline: number;
}

/** A request of a client of another node. */
interface Incoming {
  readonly from: string;
  readonly id: number;
}

/** Which of a sender's ids were taken: its messages may be repeated and overtake one another. */
interface Taken {
  highest: number;
  readonly ids: Set<number>;
}

/**
 * Requests that one node receives and the primary answers. They run there as if the client had come to it; their ids are
 * negative, so that they never meet those of the host.
 */
export class Forwarding {
  readonly #outbox: Outbox;
  readonly #outgoing = new Map<number, Outgoing>();
  readonly #incoming = new Map<number, Incoming>();
  readonly #taken = new Map<string, Taken>();
  readonly #sessions = new Map<string, Session>();
  readonly #forwarded = new WeakSet<Session>();
  readonly #away = new Set<string>();
  #lastId = 0;
  #lastSession = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Whether this session is one of a client of another node. */
  isForwarded(session: Session): boolean {
    return this.#forwarded.has(session);
  }

  /**
   * Passes a request on, of a session that began in this view. Answers false when too many wait for their answers
   * already.
   */
  forward(
    { id: requestId, session, request }: RequestEvent,
    { to, view, deadline }: { readonly to: string; readonly view: number; readonly deadline: number },
  ): boolean {
    if (this.#outgoing.size >= limits.forwardedMax) return false;
    this.#lastId += 1;
    this.#outgoing.set(this.#lastId, { requestId, to, deadline });
    const message = encodeWire({
      kind: 'request',
      id: this.#lastId,
      session: session.id,
      view,
      interface: session.interface,
      clientCertificate: session.clientCertificate,
      request,
    });
    this.#outbox.push({ kind: 'send', to, message });
    return true;
  }

  /** A request that another node passed on, as one of this node's own; undefined when it came before. */
  received(from: string, message: ForwardedRequest): RequestEvent | undefined {
    if (!this.#isNews(from, message.id) || this.#incoming.size >= limits.forwardedMax) return undefined;
    this.#lastId += 1;
    const id = -this.#lastId;
    this.#incoming.set(id, { from, id: message.id });
    return { kind: 'request', id, session: this.#sessionOf(from, message), request: message.request };
  }

  /** Sends the answer to a forwarded request back. */
  answer(id: number, response: HttpResponse): void {
    const incoming = this.#incoming.get(id);
    if (!incoming) return;
    this.#incoming.delete(id);
    const body = typeof response.body === 'string' ? bytesOf(response.body) : response.body;
    const message = encodeWire({ kind: 'answer', id: incoming.id, response: { ...response, body } });
    this.#outbox.push({ kind: 'send', to: incoming.from, message });
  }

  /** The primary has answered. */
  answered(from: string, { id, response }: ForwardedAnswer): void {
    const outgoing = this.#outgoing.get(id);
    if (outgoing?.to !== from) return;
    this.#outgoing.delete(id);
    this.#outbox.push({ kind: 'respond', id: outgoing.requestId, response });
  }

  /** Time has passed: those out of patience are told that nobody knows. */
  expire(now: number): void {
    this.#giveUp(({ deadline }) => deadline <= now, 'did not answer in time');
  }

  /** Whether the channel to a node is known to be lost: what is passed on to it would only wait. */
  isAway(node: string): boolean {
    return this.#away.has(node);
  }

  /** There is a channel to a node again. */
  found(node: string): void {
    this.#away.delete(node);
  }

  /** The channel to a node is lost, and with it what was on its way. */
  lost(node: string): void {
    this.#away.add(node);
    this.#giveUp(({ to }) => to === node, 'went away');
  }

  #giveUp(isLost: (outgoing: Outgoing) => boolean, what: string): void {
    for (const [id, outgoing] of this.#outgoing) {
      if (!isLost(outgoing)) continue;
      this.#outgoing.delete(id);
      const response = unforwarded(`The primary ${what}; the request may or may not have been carried out.`);
      this.#outbox.push({ kind: 'respond', id: outgoing.requestId, response });
    }
  }

  #isNews(from: string, id: number): boolean {
    const taken = this.#taken.get(from) ?? { highest: 0, ids: new Set() };
    this.#taken.set(from, taken);
    if (id <= taken.highest - limits.forwardedMax || taken.ids.has(id)) return false;
    taken.ids.add(id);
    taken.highest = Math.max(taken.highest, id);
    if (taken.ids.size > 2 * limits.forwardedMax) {
      for (const old of taken.ids) if (old <= taken.highest - limits.forwardedMax) taken.ids.delete(old);
    }
    return true;
  }

  /** The same object for each session, which is what consistency within it hangs on. */
  #sessionOf(from: string, message: ForwardedRequest): Session {
    const key = `${from} ${message.session}`;
    const known = this.#sessions.get(key);
    if (known) {
      // The least recently used goes first.
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known;
    }
    this.#lastSession += 1;
    const { interface: name, clientCertificate, view } = message;
    const session = { id: -this.#lastSession, interface: name, clientCertificate, view };
    this.#forwarded.add(session);
    this.#sessions.set(key, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > limits.forwardedSessionsMax && oldest !== undefined)
      this.#sessions.delete(oldest);
    return session;
  }
}

/** The answer to a request that could not be passed on, or whose answer did not come back. */
export function unforwarded(message: string): Answer {
  return refusal(503, 'InternalError', message);
}

function bytesOf(body: string): Uint8Array {
  return Uint8Array.from(body, (char) => char.charCodeAt(0));
}

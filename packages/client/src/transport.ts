import type { Answer } from './answer.ts';
import { ClientError } from './errors.ts';

/** One request as it goes out. */
export interface WireRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Sends one request, does not follow redirects, and resolves with the whole answer. Rejects with a
 * `ClientError`: `UntrustedService` when the other end does not prove the pinned identity, `Unreachable`
 * when the request surely was not sent, `Interrupted` otherwise.
 */
export type Transport = (request: WireRequest) => Promise<Answer>;

/** An answer whose body comes in pieces; read to its end or dropped by returning from the iteration. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** What a session needs of the world. */
export interface World {
  readonly send: Transport;
  /** For streams of events; the same rejections as `send`, also while the body is read. */
  readonly open?: (request: WireRequest, signal?: AbortSignal) => Promise<OpenAnswer>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Milliseconds since the epoch; used for deadlines and to date signed requests. */
  readonly now: () => number;
}

interface FetchResponse {
  readonly status: number;
  readonly headers: { forEach(visit: (value: string, name: string) => void): void };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The part of the Fetch standard that is used here. */
export type FetchLike = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: Uint8Array<ArrayBuffer> },
) => Promise<FetchResponse>;

/**
 * A transport over `fetch`. A browser follows redirects by itself and checks the TLS certificate against
 * its own store, not against the pinned identity: there, trust receipts rather than answers. `fetch` does
 * not tell whether a request that failed had been sent, so it counts as `Interrupted`.
 */
export function fetchTransport(fetch: FetchLike): Transport {
  return async ({ method, url, headers, body }) => {
    try {
      const init = { method, headers: { ...headers } };
      const response = await fetch(url, body === undefined ? init : { ...init, body: new Uint8Array(body) });
      const received: Record<string, string> = {};
      response.headers.forEach((value, name) => {
        received[name.toLowerCase()] = value;
      });
      return {
        status: response.status,
        headers: received,
        body: new Uint8Array(await response.arrayBuffer()),
      };
    } catch (cause) {
      throw new ClientError('Interrupted', `no answer from ${url}`, { cause });
    }
  };
}

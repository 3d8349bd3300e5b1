import { contentType, header } from '@coco/api';
import { concatBytes } from '@coco/crypto';
import { type Answer, accepted } from './answer.ts';
import { ClientError } from './errors.ts';
import { redirectsMax } from './limits.ts';
import { Memory, type MemoryStore } from './memory.ts';
import { type Attempt, isRead, retryDelay } from './retry.ts';
import type { World } from './transport.ts';

/** How a caller proves who it is, beside the client certificate that the transport may present. */
export type Credentials =
  | { readonly kind: 'none' }
  /** A token, or what makes a fresh one. */
  | { readonly kind: 'jwt'; readonly token: string | (() => string | Promise<string>) };

/** How to reach a service, and by what to know it. */
export interface SessionOptions {
  /** Nodes of the service, `https://host:port`; the next one is tried when one cannot be reached. */
  readonly addresses: readonly string[];
  /** PEM of the service certificate, obtained out of band. Receipts are verified against it. */
  readonly serviceCertificate: string;
  readonly credentials?: Credentials;
  readonly memory?: MemoryStore;
}

/** One request. `path` includes the query. At most one of `json` and `body`. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: Uint8Array;
  /**
   * Sent as the header `idempotency-key`. With it an interrupted write is sent again: the contract must
   * see to it that the second one does no harm.
   */
  readonly idempotencyKey?: string;
  /** Executing it twice does what executing it once does, by the nature of the endpoint. */
  readonly repeatable?: boolean;
}

/**
 * A caller's standing with one service: addresses, credentials, the primary as far as known, and the
 * memory of what was committed.
 */
export class Session {
  readonly world: World;
  readonly serviceCertificate: string;
  readonly memory: Memory;
  readonly #credentials: Credentials;
  #addresses: string[];
  #primary: string | undefined;

  constructor(world: World, options: SessionOptions) {
    this.world = world;
    this.serviceCertificate = options.serviceCertificate;
    this.memory = new Memory(options.memory);
    this.#credentials = options.credentials ?? { kind: 'none' };
    this.#addresses = options.addresses.map(originOf);
    if (this.#addresses.length === 0) throw new ClientError('InvalidArgument', 'a session needs an address');
  }

  /** The nodes this session knows, the one in use first. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Adds nodes that were learnt of, to turn to when the known ones fail. */
  learn(addresses: readonly string[]): void {
    this.#addresses = [...new Set([...this.#addresses, ...addresses.map(originOf)])];
  }

  /**
   * Sends a request, follows redirects to other nodes of the service, and tries again when that is safe
   * (see retry.ts). Resolves with whatever the service answered in the end.
   */
  async request(request: Request): Promise<Answer> {
    const headers = await this.#headersOf(request);
    const body = request.json === undefined ? request.body : utf8(JSON.stringify(request.json));
    for (let tries = 1; ; tries++) {
      const attempt = await this.#attempt(request, headers, body);
      const pause = retryDelay(request, attempt, tries);
      if (pause === null) {
        if (attempt.kind === 'failed') throw attempt.error;
        return attempt.answer;
      }
      await this.world.sleep(pause);
    }
  }

  /**
   * Sends a read whose answer goes on, and yields its text as it comes. Throws `Refused` when the service refuses,
   * `Unreachable` or `Interrupted` when there is no stream or it breaks; the next request then goes to another node.
   */
  async *stream(request: Request, signal?: AbortSignal): AsyncGenerator<string, void, undefined> {
    const { open } = this.world;
    if (open === undefined) throw new ClientError('InvalidArgument', 'this world has no streams');
    const headers = await this.#headersOf(request);
    const url = (this.#addresses[0] ?? '') + request.path;
    const text = new TextDecoder();
    try {
      const answer = await open({ method: request.method, url, headers }, signal);
      if (answer.status !== 200) {
        const body = await collected(answer.pieces);
        accepted({ status: answer.status, headers: answer.headers, body }, request.path);
      }
      for await (const piece of answer.pieces) yield text.decode(piece, { stream: true });
    } catch (error) {
      if (error instanceof ClientError && error.code !== 'Refused') this.#turnFrom(url);
      throw error;
    }
  }

  async #attempt(
    request: Request,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | undefined,
  ): Promise<Attempt> {
    const { method } = request;
    let url = this.#origin(method) + request.path;
    try {
      for (let hops = 0; hops <= redirectsMax; hops++) {
        const answer = await this.world.send({
          method,
          url,
          headers,
          ...(body === undefined ? {} : { body }),
        });
        if (answer.status !== 307 && answer.status !== 308) return { kind: 'answered', answer };
        url = redirected(url, answer);
        if (!isRead(method)) this.#primary = new URL(url).origin;
      }
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#turnFrom(url);
      return { kind: 'failed', error };
    }
    const error = new ClientError('TooManyRedirects', `${request.path} was redirected ${redirectsMax} times`);
    return { kind: 'failed', error };
  }

  /** Writes go to the primary once a redirect has named it. */
  #origin(method: string): string {
    const first = this.#addresses[0] ?? '';
    return isRead(method) ? first : (this.#primary ?? first);
  }

  #turnFrom(url: string): void {
    const { origin } = new URL(url);
    this.#primary = undefined;
    if (this.#addresses[0] === origin) this.#addresses = [...this.#addresses.slice(1), origin];
  }

  async #headersOf(request: Request): Promise<Readonly<Record<string, string>>> {
    const headers: Record<string, string> = { ...request.headers };
    if (request.json !== undefined) headers[header.contentType] ??= contentType.json;
    if (request.idempotencyKey !== undefined) headers['idempotency-key'] = request.idempotencyKey;
    if (this.#credentials.kind === 'jwt') {
      const { token } = this.#credentials;
      headers[header.authorization] ??= `Bearer ${typeof token === 'string' ? token : await token()}`;
    }
    return headers;
  }
}

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return concatBytes(...all);
}

function originOf(address: string): string {
  const text = address.includes('://') ? address : `https://${address}`;
  const url = URL.parse(text);
  if (url?.protocol === 'https:' && url.pathname === '/' && url.username === '') return url.origin;
  throw new ClientError('InvalidArgument', `${address} is not the address of a node: https://host:port`);
}

/** Only to another node over TLS: the transport holds it to the same identity. */
function redirected(from: string, answer: Answer): string {
  const location = answer.headers[header.location];
  const target = location === undefined ? null : URL.parse(location, from);
  if (target?.protocol === 'https:') return target.href;
  throw new ClientError('UnexpectedAnswer', `${from} redirects to ${location ?? 'nowhere'}`);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

import type { Socket } from 'node:net';
import type { HttpResponse, Session } from '@coco/node';
import { limits } from '../limits.ts';
import { createRequestParser, methodName, type RequestParser } from './llhttp.ts';
import * as refusal from './refusal.ts';
import { serialiseHead } from './serialise.ts';
import type { Exchange, SessionHost } from './session-host.ts';

const continueLine = 'HTTP/1.1 100 Continue\r\n\r\n';
/** Bodies up to this size are joined to their head, so that a small answer is one write. */
const joinedBodyBytesMax = 16_384;

/** One request of this session and the place of its answer in the order of answers. */
interface PipelinedExchange extends Exchange {
  readonly headOnly: boolean;
  /** The client said that this is its last request. */
  readonly last: boolean;
  response: HttpResponse | null;
}

/**
 * HTTP/1.1 over one connection: bytes in, requests to the node; answers out, in the order of the requests.
 * Whatever is wrong with a request is answered in that order too, and ends the session.
 */
export class Http1Session {
  readonly #socket: Socket;
  readonly #host: SessionHost;
  readonly #session: Session;
  readonly #parser: RequestParser;
  readonly #overloaded: boolean;

  /** Requests not answered yet, oldest first. */
  #queue: PipelinedExchange[] = [];
  /** Answers of this turn, written at its end in one piece. */
  #out = '';
  #dirty = false;
  /** The exchange whose answer goes on; the last of its session. */
  #streaming: Exchange | null = null;
  /** No more requests are taken: the last answer is under way or was given. */
  #closing = false;
  #ended = false;
  #shuttingDown = false;
  #paused = false;
  #lastActive: number;
  /** When the request that is arriving began; 0 between requests. */
  #begun = 0;
  #completed = 0;

  /* The request that is arriving. */
  #rawHeaders: readonly string[] | null = null;
  #target = '';
  #method = '';
  #headers: Record<string, string> = {};
  #keepAlive = true;
  #expectsContinue = false;
  #body: Uint8Array | null = null;
  #pieces: Uint8Array[] | null = null;
  #bodyBytes = 0;

  constructor(socket: Socket, session: Session, host: SessionHost, overloaded: boolean) {
    this.#socket = socket;
    this.#session = session;
    this.#host = host;
    this.#overloaded = overloaded;
    this.#lastActive = host.clock.now;
    this.#parser = createRequestParser(
      {
        onHeaders: (headers, target) => this.#onHeaders(headers, target),
        onHeadersComplete: (major, minor, headers, method, target, _status, _text, upgrade, keepAlive) => {
          this.#method = methodName(method);
          this.#keepAlive = keepAlive && !upgrade && major === 1 && minor === 1;
          return this.#onHeadersComplete(headers, target) ? 0 : 1;
        },
        onBody: (piece) => this.#onBody(piece),
        onMessageComplete: () => this.#onMessageComplete(),
      },
      host.http.max_header_size * limits.headersTotalFactor,
    );
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onDrain());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onClose());
  }

  /** Takes the answer to a request of this session; it goes out when those before it have. */
  answer(exchange: Exchange, response: HttpResponse): void {
    const pipelined = exchange as PipelinedExchange;
    pipelined.response = response;
    if (this.#queue[0] !== pipelined) return;
    while (this.#queue[0]?.response) {
      const next = this.#queue.shift()!;
      this.#emit(next, next.response!);
    }
    if (this.#queue.length === 0 && this.#expectsContinue) this.#continue();
    if (this.#paused) this.#resumeIfCalm();
  }

  /** Takes the next piece of the answer that goes on. */
  stream(exchange: Exchange, piece: string, isLast: boolean): void {
    if (this.#streaming !== exchange) return;
    this.#out += piece;
    this.#touch();
    if (isLast) this.#end();
  }

  /** Writes the answers that have gathered. */
  flush(): void {
    this.#dirty = false;
    if (this.#out !== '') {
      const streaming = this.#streaming;
      if (streaming === null) this.#socket.write(this.#out, 'latin1');
      else this.#socket.write(this.#out, 'latin1', () => this.#host.streamed(streaming));
      this.#out = '';
      if (this.#socket.writableLength > limits.unreadBytesMax) this.#pause();
    }
    if (!this.#ended) return;
    if (this.#shuttingDown) this.#socket.destroySoon();
    else this.#socket.end();
  }

  /** Ends the session when it has been silent, or slow, for too long. */
  sweep(): void {
    const silent = this.#host.clock.now - this.#lastActive;
    const idleMs = this.#host.idleMs ?? Number.POSITIVE_INFINITY;
    if (this.#ended) {
      if (silent > limits.lingerMs) this.#socket.destroy();
    } else if (this.#begun !== 0 && this.#host.clock.now - this.#begun > limits.requestMsMax) {
      this.#refuse(refusal.tooSlow());
    } else if (silent > idleMs && (this.#queue.length === 0 || this.#socket.writableLength > 0)) {
      this.#socket.destroy();
    }
  }

  /** Takes no more requests; ends when those taken are answered, without waiting for the client's part. */
  shutdown(): void {
    this.#closing = true;
    this.#shuttingDown = true;
    if (this.#queue.length === 0) this.#end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onData(bytes: Uint8Array): void {
    const now = this.#host.clock.now;
    if (this.#closing) return;
    this.#lastActive = now;
    const before = this.#completed;
    const result = this.#parser.execute(bytes);
    if (this.#closing) return;
    if (typeof result !== 'number') {
      this.#onParseError(result);
      return;
    }
    if (this.#completed !== before) this.#begun = 0;
    else if (this.#begun === 0) this.#begun = now;
    if (this.#expectsContinue && this.#queue.length === 0) this.#continue();
    if (this.#queue.length >= limits.pipelinedRequestsMax) this.#pause();
  }

  #onParseError(error: refusal.Malformed): void {
    const counters = this.#host.errors;
    if (error.code === 'HPE_HEADER_OVERFLOW') {
      counters.request_header_too_large += 1;
      const total = this.#host.http.max_header_size * limits.headersTotalFactor;
      this.#refuse(refusal.headerTooLarge(total, 'The sum of all headers'));
    } else {
      counters.parsing += 1;
      this.#refuse(refusal.malformed(error));
    }
  }

  #onHeaders(headers: readonly string[], target: string): void {
    this.#rawHeaders = this.#rawHeaders ? [...this.#rawHeaders, ...headers] : headers;
    this.#target += target;
  }

  /** Answers whether the body is wanted. */
  #onHeadersComplete(headers: readonly string[] | undefined, target: string | undefined): boolean {
    if (this.#closing) return false;
    const raw = this.#rawHeaders ?? headers ?? [];
    if (target !== undefined) this.#target = target;
    this.#rawHeaders = null;
    const complaint = this.#takeHeaders(raw);
    if (complaint) {
      this.#refuse(complaint);
      return false;
    }
    return true;
  }

  #takeHeaders(raw: readonly string[]): HttpResponse | null {
    const {
      max_header_size: bytesMax,
      max_headers_count: countMax,
      max_body_size: bodyMax,
    } = this.#host.http;
    const { errors } = this.#host;
    if (raw.length > 2 * countMax) {
      errors.request_header_too_large += 1;
      return refusal.tooManyHeaders(countMax);
    }
    const headers: Record<string, string> = { __proto__: null } as never;
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i]!.toLowerCase();
      const value = raw[i + 1]!;
      if (name.length > bytesMax || value.length > bytesMax) {
        errors.request_header_too_large += 1;
        return refusal.headerTooLarge(bytesMax, `Header value for '${name.slice(0, 64)}'`);
      }
      const earlier = headers[name];
      headers[name] = earlier === undefined ? value : `${earlier}, ${value}`;
    }
    if (this.#target.length > bytesMax) {
      errors.request_header_too_large += 1;
      return refusal.headerTooLarge(bytesMax, 'The request target');
    }
    this.#headers = headers;
    if (Number(headers['content-length'] ?? 0) > bodyMax) return this.#bodyTooLarge();
    const { expect } = headers;
    if (expect !== undefined && this.#keepAlive) {
      if (expect.toLowerCase() !== '100-continue') return refusal.expectationFailed();
      this.#expectsContinue = true;
    }
    return null;
  }

  #onBody(piece: Uint8Array): void {
    if (this.#closing) return;
    this.#bodyBytes += piece.length;
    if (this.#bodyBytes > this.#host.http.max_body_size) {
      this.#refuse(this.#bodyTooLarge());
    } else if (this.#body === null) {
      this.#body = piece;
    } else {
      this.#pieces ??= [this.#body];
      this.#pieces.push(piece);
    }
  }

  #bodyTooLarge(): HttpResponse {
    this.#host.errors.request_payload_too_large += 1;
    return refusal.bodyTooLarge(this.#host.http.max_body_size);
  }

  #onMessageComplete(): void {
    if (this.#closing) return;
    this.#completed += 1;
    const body = this.#pieces ? Buffer.concat(this.#pieces, this.#bodyBytes) : this.#body;
    const request = {
      method: this.#method,
      target: this.#target,
      headers: this.#headers,
      body: body ?? noBody,
    };
    const exchange = this.#enqueue(!this.#keepAlive);
    this.#target = '';
    this.#body = null;
    this.#pieces = null;
    this.#bodyBytes = 0;
    this.#expectsContinue = false;
    if (exchange.last) this.#closing = true;
    if (this.#overloaded) {
      this.#closing = true;
      this.answer(exchange, refusal.tooManySessions());
    } else {
      this.#host.submit(exchange, this.#session, request);
    }
  }

  #enqueue(last: boolean): PipelinedExchange {
    const exchange: PipelinedExchange = {
      id: 0,
      owner: this,
      headOnly: this.#method === 'HEAD',
      last,
      response: null,
    };
    this.#queue.push(exchange);
    return exchange;
  }

  /** Answers the request that is arriving, after those before it, and takes no more. */
  #refuse(response: HttpResponse): void {
    this.#closing = true;
    this.#begun = 0;
    this.#expectsContinue = false;
    this.answer(this.#enqueue(false), response);
  }

  #emit(exchange: PipelinedExchange, response: HttpResponse): void {
    if (this.#ended) return;
    const streams = response.streams === true && !exchange.headOnly;
    const isLast = exchange.last || response.close === true || (this.#closing && this.#queue.length === 0);
    const ends = isLast && !streams;
    const announceClose = streams || (ends && !exchange.last);
    const context = { headOnly: exchange.headOnly, announceClose, streams };
    const head = serialiseHead(response, context);
    if (head === undefined) {
      this.#emit(exchange, refusal.unsendable());
      return;
    }
    this.#out += head;
    if (!exchange.headOnly) this.#emitBody(response.body);
    this.#touch();
    if (streams) this.#beginStream(exchange);
    else if (ends) this.#end();
  }

  /** What follows in the queue is not answered: this answer ends with the session. */
  #beginStream(exchange: Exchange): void {
    this.#closing = true;
    this.#streaming = exchange;
    this.#abandon();
  }

  #emitBody(body: Uint8Array | string): void {
    if (typeof body === 'string') {
      this.#out += body;
    } else if (body.length <= joinedBodyBytesMax) {
      this.#out += Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1');
    } else {
      this.#socket.write(this.#out, 'latin1');
      this.#socket.write(body);
      this.#out = '';
    }
  }

  #continue(): void {
    this.#expectsContinue = false;
    this.#out += continueLine;
    this.#touch();
  }

  /** Has `flush` called at the end of the turn. */
  #touch(): void {
    this.#lastActive = this.#host.clock.now;
    if (this.#dirty) return;
    this.#dirty = true;
    this.#host.dirty(this);
  }

  /** The last answer was given: what follows in the queue, or on the wire, is not heard any more. */
  #end(): void {
    this.#closing = true;
    this.#ended = true;
    this.#abandon();
    this.#touch();
    // Discarding what still comes keeps a reset from overtaking the answer on its way to the client.
    this.#socket.resume();
  }

  #onEnd(): void {
    this.#closing = true;
    if (this.#queue.length === 0 && !this.#ended) this.#end();
  }

  #onClose(): void {
    this.#closing = true;
    this.#ended = true;
    this.#abandon();
    if (this.#streaming) this.#host.abandon(this.#streaming);
    this.#parser.free();
    this.#host.closed(this);
  }

  #abandon(): void {
    for (const exchange of this.#queue) {
      if (exchange.response === null) this.#host.abandon(exchange);
    }
    this.#queue = [];
  }

  #pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  #onDrain(): void {
    this.#lastActive = this.#host.clock.now;
    if (this.#paused) this.#resumeIfCalm();
  }

  #resumeIfCalm(): void {
    if (this.#queue.length > limits.pipelinedRequestsMax / 2) return;
    if (this.#socket.writableLength > limits.unreadBytesMax) return;
    this.#paused = false;
    this.#socket.resume();
  }
}

const noBody = new Uint8Array(0);

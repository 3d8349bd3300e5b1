import { bytesOf, decodeStrict, decodeUtf8 } from './bytes.ts';

/** The body of a request. Each method may be called any number of times. */
export class RequestBody {
  readonly #bytes: string;

  constructor(bytes: string) {
    this.#bytes = bytes;
  }

  text(): string {
    return decodeUtf8(this.#bytes);
  }

  json(): unknown {
    return JSON.parse(decodeStrict(this.#bytes));
  }

  arrayBuffer(): ArrayBuffer {
    return bytesOf(this.#bytes);
  }
}

/** What is the same for every call of an endpoint; sent once, known by number from then on. */
export interface Plan {
  readonly module: string;
  readonly export: string;
  readonly context: string;
  readonly route: string;
  readonly method: string;
}

/**
 * A call as the host sends it: numbers up to a semicolon (plan, time, caller, lengths), then the texts they
 * measure and the body. It is read with as little work as can be: most handlers look at little of it.
 */
export class CallInput {
  readonly plan: number;
  readonly now: number;
  /** The number under which the host tells the caller; see `callerText`. */
  readonly caller: number;
  readonly query: string;
  readonly path: string;
  readonly hostname: string | null;
  readonly headers: string;
  readonly params: string;
  /** JSON of the past state a historical call is about. */
  readonly historical: string;
  readonly body: string;
  #at = 0;

  constructor(input: string) {
    this.plan = this.#number(input);
    this.now = this.#number(input);
    this.caller = this.#number(input);
    const query = this.#number(input);
    const path = this.#number(input);
    const hostname = this.#number(input);
    const headers = this.#number(input);
    const params = this.#number(input);
    const historical = this.#number(input);
    this.query = this.#text(input, query);
    this.path = this.#text(input, path);
    // A length one too high stands for "none" without a sign to parse.
    this.hostname = hostname === 0 ? null : this.#text(input, hostname - 1);
    this.headers = this.#text(input, headers);
    this.params = this.#text(input, params);
    this.historical = this.#text(input, historical);
    this.body = input.slice(this.#at);
  }

  /** Digits up to a comma or a semicolon. */
  #number(input: string): number {
    let value = 0;
    for (;;) {
      const code = input.charCodeAt(this.#at++);
      if (code < 48 || code > 57) return value;
      value = value * 10 + (code - 48);
    }
  }

  #text(input: string, length: number): string {
    if (length === 0) return '';
    const start = this.#at;
    this.#at += length;
    return input.slice(start, this.#at);
  }
}

/** Puts buffers in the place of `{ $bytes }`. */
function reviveBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  if (typeof record.$bytes === 'string') return bytesOf(record.$bytes);
  for (const name of Object.keys(record)) record[name] = reviveBytes(record[name]);
  return record;
}

/** The request that a handler gets. Headers and caller are made when they are first looked at. */
export class Request {
  query: string;
  path: string;
  url: string;
  route: string;
  method: string;
  hostname: string | null;
  params: unknown;
  body: RequestBody;
  #headers: unknown;
  #caller: unknown;
  #headersText: string;
  #callerText: string;

  constructor(plan: Plan, input: CallInput, callerText: string) {
    this.query = input.query;
    this.path = input.path;
    this.url = input.query === '' ? input.path : `${input.path}?${input.query}`;
    this.route = plan.route;
    this.method = plan.method;
    this.hostname = input.hostname;
    this.params = input.params === '' ? {} : JSON.parse(input.params);
    this.body = new RequestBody(input.body);
    this.#headersText = input.headers;
    this.#callerText = callerText;
  }

  get headers(): unknown {
    if (this.#headersText !== '') this.headers = JSON.parse(this.#headersText);
    return this.#headers;
  }

  set headers(headers: unknown) {
    this.#headersText = '';
    this.#headers = headers;
  }

  get caller(): unknown {
    if (this.#callerText !== '') this.caller = reviveBytes(JSON.parse(this.#callerText));
    return this.#caller;
  }

  set caller(caller: unknown) {
    this.#callerText = '';
    this.#caller = caller;
  }

  toJSON(): object {
    return { ...this, headers: this.headers, caller: this.caller };
  }
}

/** What of this file runs inside, see program.ts. */
export const requestProgram = [RequestBody, CallInput, reviveBytes, Request];

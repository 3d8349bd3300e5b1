import { bytesOf, decodeUtf8 } from './bytes.ts';

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
    return JSON.parse(decodeUtf8(this.#bytes));
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
 * A call as the host sends it: numbers up to a semicolon (plan, time, lengths), then the texts they measure
 * and the body. It is read with as little work as can be: most handlers look at little of it.
 */
export class CallInput {
  readonly plan: number;
  readonly now: number;
  readonly query: string;
  readonly path: string;
  readonly hostname: string | null;
  readonly headers: string;
  readonly params: string;
  readonly caller: string;
  /** JSON of the past state a historical call is about. */
  readonly historical: string;
  readonly body: string;

  constructor(input: string) {
    const semicolon = input.indexOf(';');
    const numbers = input.slice(0, semicolon).split(',');
    let at = semicolon + 1;
    const take = (index: number): string => {
      const length = Number(numbers[index]);
      if (length === 0) return '';
      const start = at;
      at += length;
      return input.slice(start, at);
    };
    this.plan = Number(numbers[0]);
    this.now = Number(numbers[1]);
    this.query = take(2);
    this.path = take(3);
    this.hostname = numbers[4] === '-1' ? null : take(4);
    this.headers = take(5);
    this.params = take(6);
    this.caller = take(7);
    this.historical = take(8);
    this.body = input.slice(at);
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

  constructor(plan: Plan, input: CallInput) {
    this.query = input.query;
    this.path = input.path;
    this.url = input.query === '' ? input.path : `${input.path}?${input.query}`;
    this.route = plan.route;
    this.method = plan.method;
    this.hostname = input.hostname;
    this.params = input.params === '' ? {} : JSON.parse(input.params);
    this.body = new RequestBody(input.body);
    this.#headersText = input.headers;
    this.#callerText = input.caller;
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

export const requestProgram = [RequestBody, CallInput, reviveBytes, Request];

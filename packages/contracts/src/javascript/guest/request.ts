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

/** What the host sends of a call, beside the body. */
export interface CallHeader {
  readonly module: string;
  readonly export: string;
  readonly context: string;
  readonly now: number;
  readonly historical: {
    readonly transactionId: string;
    readonly receipt: unknown;
    readonly state: number;
  } | null;
  /** With `caller`, in which bytes are `{ $bytes }`; without `body`. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** Puts buffers in the place of `{ $bytes }`. */
function reviveBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Record<string, unknown>;
  if (typeof record.$bytes === 'string') return bytesOf(record.$bytes);
  for (const name of Object.keys(record)) record[name] = reviveBytes(record[name]);
  return record;
}

/** The request that a handler gets: the host's plain object, completed in place. */
export function requestOf(header: CallHeader, body: string): object {
  const request = header.request as Record<string, unknown>;
  request.body = new RequestBody(body);
  if (request.caller !== null) request.caller = reviveBytes(request.caller);
  return request;
}

export const requestProgram = [RequestBody, reviveBytes, requestOf];

/** A request line and the first headers, as the parser found them. */
export type HeadersComplete = (
  major: number,
  minor: number,
  /** Names and values in turn; undefined when they were all given to `onHeaders` before. */
  headers: readonly string[] | undefined,
  method: number,
  target: string | undefined,
  statusCode: undefined,
  statusMessage: undefined,
  upgrade: boolean,
  shouldKeepAlive: boolean,
) => number;

/** Callbacks of a parser, in the order in which they come for each request. */
export interface ParserHandlers {
  /** Names and values in turn, ahead of `onHeadersComplete`, when there are many; the target comes once. */
  readonly onHeaders: (headers: readonly string[], target: string) => void;
  readonly onHeadersComplete: HeadersComplete;
  /** A piece of the body: a view of the bytes that were given. */
  readonly onBody: (piece: Uint8Array) => void;
  readonly onMessageComplete: () => void;
}

/** Why bytes are not HTTP. */
export interface ParseError extends Error {
  /** `HPE_...` */
  readonly code: string;
  readonly reason: string;
  readonly bytesParsed: number;
}

interface RawParser {
  initialize(type: number, resource: object, maxHeaderBytes: number, lenient: number): void;
  execute(bytes: Uint8Array): number | ParseError;
  free(): void;
  [callback: number]: unknown;
}

interface HttpCommon {
  readonly methods: readonly string[];
  readonly HTTPParser: {
    new (): RawParser;
    readonly REQUEST: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
    readonly kLenientNone: number;
  };
}

/*
 * Node's own HTTP/1.1 parser, by the module that Node's `http` itself takes it from. `http` wraps it in two
 * streams and a dozen events a request, which cost as much again as the TLS record and the parsing together;
 * a request whose body comes in one piece needs none of them. The runtime is pinned by hash, so that the
 * module cannot change under us; a test holds its surface fast.
 */
const { HTTPParser, methods } = process.getBuiltinModule('node:_http_common') as unknown as HttpCommon;

/** An incremental parser of the requests of one connection. */
export interface RequestParser {
  /** Feeds bytes: answers how many were used, or why they are not HTTP. */
  execute(bytes: Uint8Array): number | ParseError;
  free(): void;
}

/** Makes a parser that is strict in what it accepts: no lenient reading of lengths, line ends or versions. */
export function createRequestParser(handlers: ParserHandlers, maxHeaderBytes: number): RequestParser {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, maxHeaderBytes, HTTPParser.kLenientNone);
  parser[HTTPParser.kOnHeaders] = handlers.onHeaders;
  parser[HTTPParser.kOnHeadersComplete] = handlers.onHeadersComplete;
  parser[HTTPParser.kOnBody] = handlers.onBody;
  parser[HTTPParser.kOnMessageComplete] = handlers.onMessageComplete;
  return parser;
}

/** The name of a method the parser knows by number. */
export function methodName(method: number): string {
  return methods[method] ?? 'UNKNOWN';
}

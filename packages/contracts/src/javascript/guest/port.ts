/** What may cross the boundary without being copied twice. */
export type Primitive = string | number | boolean | null | undefined;

/** The host as the isolate sees it: plain functions over primitives that never throw. */
export interface Port {
  /**
   * Settles the call in progress, if any, and gives the next one (see `CallInput`). A response is its status,
   * headers and body; then, if either was set, whether writes apply and the claims digest; then writes, as
   * triples; one of nulls says that the code looked at a clock, one of two nulls names an audience, by its number or as JSON.
   * A failure is its message, the exception and its trace.
   */
  next(...outcome: Primitive[]): string | undefined;
  /** One read; see `read`. Null when the host refuses: `refusal` says why. */
  read(what: number, state: number, map: string, key: string): string | number | boolean | undefined | null;
  /** Writes as triples of map, key, value (null removes), or nulls and an audience. False when the host refuses. */
  write(...writes: Primitive[]): boolean;
  /** Begins a scan and gives its number; -1 when the host refuses. */
  scan(state: number, map: string, options: string): number;
  /** The next rows of a scan: lengths, a semicolon, then keys and values. Empty at the end. */
  rows(scan: number): string;
  /** `V` and a value, or `E` and an error. */
  invoke(name: string, args: string): string;
  random(count: number): string;
  /** What the call in progress printed, as JSON. */
  print(log: string): void;
}

/** Header lines that need not be spelled out. */
export const commonHeaders = ['', 'content-type\napplication/json', 'content-type\ntext/plain'] as const;

/** What a read asks for. */
export const read = { value: 0, presence: 1, version: 2, size: 3 } as const;

/** What an outcome says. */
export const outcome = { none: 0, response: 1, failure: 2 } as const;

import type { LogLine } from '@coco/contracts';
import type { ShownMaps } from './readable.ts';

/** What a test gets back. */
export interface TestResponse<T = unknown> {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed if it is JSON, text if it is text, otherwise bytes; undefined when there is none. */
  readonly body: T;
  /** The transaction that the writes became; undefined when nothing was written. */
  readonly transactionId: string | undefined;
  /** What was written, for snapshots. Empty when nothing was, or when it did not count. */
  readonly writes: ShownMaps;
  /** What the contract printed. */
  readonly log: readonly LogLine[];
  /** Why the contract failed: what callers of a service do not see. */
  readonly failure: { readonly reason: string; readonly trace?: string } | undefined;
}

/** An answer that comes from before the contract. */
export function refusal(
  status: number,
  code: string,
  message: string,
  more: { readonly details?: readonly object[]; readonly headers?: Readonly<Record<string, string>> } = {},
): TestResponse {
  const { details, headers } = more;
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: { error: { code, message, ...(details === undefined ? {} : { details }) } },
    transactionId: undefined,
    writes: {},
    log: [],
    failure: undefined,
  };
}

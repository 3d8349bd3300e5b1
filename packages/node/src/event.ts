import type { Attested } from './attester.ts';
import type { ParcelFile } from './effect.ts';

/** Who is on the other end of a connection; facts the host learnt from TLS. */
export interface Session {
  /** Unique for the life of the process; session consistency and idempotence hang on it. */
  readonly id: number;
  /** Name of the rpc interface of the configuration the connection came in by. */
  readonly interface: string;
  /** DER of the client certificate, when one was presented; not verified by TLS. */
  readonly clientCertificate: Uint8Array | null;
  /** Only of a session at another node, which passes its requests on: the view in which it began there. */
  readonly view?: number;
}

/** A parsed HTTP request whose body has arrived whole. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query as received, never decoded. */
  readonly target: string;
  /** Lower-case names; duplicates joined with ', '. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What a `fetch` came to; that the world is out of order is expected, and so a value. */
export type FetchResult =
  | {
      readonly status: number;
      /** Lower-case names; duplicates joined with ', '. */
      readonly headers: Readonly<Record<string, string>>;
      /** Bounded by the host. */
      readonly body: Uint8Array;
    }
  | { readonly error: string };

/** What the host counts about itself. */
export interface HostFacts {
  readonly sessions: {
    readonly active: number;
    readonly peak: number;
    /** By interface name; field names as `/node/metrics` shows them. */
    readonly interfaces: Readonly<
      Record<
        string,
        {
          readonly active: number;
          readonly peak: number;
          readonly soft_cap: number;
          readonly hard_cap: number;
          readonly errors: {
            readonly parsing: number;
            readonly request_payload_too_large: number;
            readonly request_header_too_large: number;
          };
        }
      >
    >;
  };
  /** Bytes of the process heap. */
  readonly memory: { readonly limit: number; readonly used: number; readonly peak: number };
}

/** Everything the world may tell a node. The whole list: nothing else reaches it. */
export type Event =
  /** Time has passed. `now` is the wall clock in ms, `elapsedMs` monotonic since the last tick. */
  | {
      readonly kind: 'tick';
      readonly now: number;
      readonly elapsedMs: number;
      /** What only the host can count, for /node/metrics and /node/memory; now and then is enough. */
      readonly host?: HostFacts;
    }
  /** A request to answer; `id` comes back in exactly one `respond` effect. */
  | {
      readonly kind: 'request';
      readonly id: number;
      readonly session: Session;
      readonly request: HttpRequest;
    }
  /** What there was to send of a body that goes on is sent: the next piece may follow. */
  | { readonly kind: 'streamed'; readonly id: number }
  /** The client of a request went away; the answer, if any is still owed, will not be delivered. */
  | { readonly kind: 'abandoned'; readonly id: number }
  /** All entries up to and including `seqno` are durable in the ledger files. */
  | { readonly kind: 'appended'; readonly seqno: number }
  /** The answer to a `read-entries` effect: consecutive entries from `from`; empty when not there. */
  | {
      readonly kind: 'entries-read';
      readonly from: number;
      readonly to: number;
      readonly entries: readonly Uint8Array[];
    }
  /** A snapshot file was written. */
  | { readonly kind: 'snapshotted'; readonly name: string }
  /** The answer to a `read-snapshot` effect; `name` is null when there is no such snapshot. */
  | {
      readonly kind: 'snapshot-read';
      readonly id: number;
      readonly name: string | null;
      /** Bytes of the whole file, receipt included. */
      readonly size: number;
      readonly bytes: Uint8Array;
    }
  /** The answer to a `keep-parcels` effect: all of them are durable, or the reason why not. */
  | { readonly kind: 'parcels-kept'; readonly id: number; readonly error?: string }
  /** The answer to a `read-parcels` effect: some or all of those that are there. */
  | { readonly kind: 'parcels-read'; readonly id: number; readonly parcels: readonly ParcelFile[] }
  /** The answer to a `list-parcels` effect: names in the folder, in order. */
  | { readonly kind: 'parcels-listed'; readonly id: number; readonly names: readonly string[] }
  /** A message of another node, over an authenticated channel. */
  | { readonly kind: 'received'; readonly from: string; readonly message: Uint8Array }
  /** A channel came up, or was lost; what was sent meanwhile may not have arrived. */
  | { readonly kind: 'channel'; readonly id: string; readonly state: 'up' | 'down' }
  /** Answer to a `fetch` effect. */
  | { readonly kind: 'fetched'; readonly id: number; readonly result: FetchResult }
  /** Answer to an `attest` effect. */
  | { readonly kind: 'attested'; readonly id: number; readonly result: Attested }
  /** The answers before a `yield` have left. */
  | { readonly kind: 'resumed' }
  /** The operator wants the node to stop; the first one may be ignored (`ignore_first_sigterm`). */
  | { readonly kind: 'stop' };

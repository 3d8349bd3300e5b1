/** An answer to one request. Header names are lower case. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** A string is a ByteString: one character per byte (write it as latin1). */
  readonly body: Uint8Array | string;
  /** The session is to be closed after this answer (session consistency lost, limits). */
  readonly close?: boolean;
}

export type LogLevel = 'debug' | 'info' | 'fail' | 'fatal';

/** Everything a node may ask of the world. The whole list: it has no other way out. */
export type Effect =
  | { readonly kind: 'respond'; readonly id: number; readonly response: HttpResponse }
  /**
   * Append entries to the ledger, in order, and answer with `appended` once they are flushed.
   * `endsChunk` after an entry closes the chunk that holds it. Several appends may be in flight; the
   * host may flush them as one group.
   */
  | {
      readonly kind: 'append';
      readonly from: number;
      readonly entries: readonly Uint8Array[];
      /** The last entry of this append is a signature that ends its chunk. */
      readonly endsChunk: boolean;
    }
  /** Forget every entry after `seqno` (it was never committed). Ordered with `append`. */
  | { readonly kind: 'truncate'; readonly seqno: number }
  /** Everything up to `seqno` is committed: complete chunks may be renamed `.committed`. */
  | { readonly kind: 'committed'; readonly seqno: number }
  /** Read entries from the files, answered by `entries-read`. */
  | { readonly kind: 'read-entries'; readonly from: number; readonly to: number }
  | { readonly kind: 'write-snapshot'; readonly name: string; readonly bytes: Uint8Array }
  /** A snapshot's evidence is committed: rename it `NAME.committed`, with the receipt appended. */
  | { readonly kind: 'commit-snapshot'; readonly name: string; readonly receipt: Uint8Array }
  | { readonly kind: 'send'; readonly to: string; readonly message: Uint8Array }
  /** Identity the HTTPS listeners present, per authority; sent again whenever it changes. */
  | {
      readonly kind: 'identity';
      readonly authority: 'Node' | 'Service';
      readonly certificatePem: string;
      readonly privateKeyPem: string;
    }
  /** A file of `output_files` / `service_certificate_file` is to be (re)written. */
  | {
      readonly kind: 'output';
      readonly file: 'service-certificate' | 'node-certificate';
      readonly text: string;
    }
  | { readonly kind: 'fetch'; readonly id: number; readonly url: string; readonly caPem: string }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly source: 'node' | 'app' | 'governance';
      readonly message: string;
    }
  /** The node cannot or must not go on; the process ends with this code after flushing. */
  | { readonly kind: 'exit'; readonly code: number; readonly reason: string };

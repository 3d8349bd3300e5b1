import type { Credential } from '@coco/attestation';

/** An answer to one request. Header names are lower case. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** A string is a ByteString: one character per byte (write it as latin1). */
  readonly body: Uint8Array | string;
  /** The session is to be closed after this answer (session consistency lost, limits). */
  readonly close?: boolean;
  /** The body is the beginning of one that goes on: see the effect `stream`. It ends with the session. */
  readonly streams?: boolean;
}

export type LogLevel = 'debug' | 'info' | 'fail' | 'fatal';

/** A node that may have a channel with this one. */
export interface Peer {
  /** Hex SHA-256 of the node's public key (SPKI DER). */
  readonly id: string;
  /** Published node-to-node address, `host:port`. */
  readonly address: string;
}

/** One HTTPS request of the node as a client; see the effect `fetch`. */
export interface FetchRequest {
  readonly url: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** Lower-case names. `host` and `content-length` are the host's to add. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** The certificates, and no others, that the server's may chain to. */
  readonly caPem: string;
  /** Presents the node's self-signed certificate (the latest `identity` of authority `Node`) to the server. */
  readonly presentsNode: boolean;
}

/** Which of the committed snapshots in the host's directories, read-only ones included. */
export type SnapshotChoice =
  /** By name, without the ending `.committed`. */
  | { readonly name: string }
  /** The newest of those whose state is of a seqno below this one. */
  | { readonly newestBefore: number };

/** A parcel as the host keeps it: see `docs/ledger-format.md`. */
export interface ParcelFile {
  /** Folder (40 hexadecimal digits) and name (64 of them), with a slash between. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Everything a node may ask of the world. The whole list: it has no other way out. */
export type Effect =
  | { readonly kind: 'respond'; readonly id: number; readonly response: HttpResponse }
  /**
   * The next piece of a body that goes on, a ByteString, and whether it is the last. The host says `streamed` when it
   * has sent the beginning, and each piece: no more than one is ever under way.
   */
  | { readonly kind: 'stream'; readonly id: number; readonly piece: string; readonly isLast: boolean }
  /**
   * Let the answers so far leave, then say `resumed`: what they leave to be done for the ledger is done while whoever
   * was answered reads. Whatever comes instead of `resumed` finds it done.
   */
  | { readonly kind: 'yield' }
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
      /** Nothing hangs on these being durable before what follows is: the host may flush them with it. */
      readonly mayWait: boolean;
    }
  /** Forget every entry after `seqno` (it was never committed). Ordered with `append`. */
  | { readonly kind: 'truncate'; readonly seqno: number }
  /** Everything up to `seqno` is committed: complete chunks may be renamed `.committed`. */
  | { readonly kind: 'committed'; readonly seqno: number }
  /**
   * The ledger begins after a snapshot: the next `append` is of `after + 1`, whatever the files hold so far. Entries
   * there that reach further are set aside, those before stay readable. Ordered with `append`.
   */
  | { readonly kind: 'begin-ledger'; readonly after: number }
  /**
   * Read entries from the files, answered by `entries-read`. With `whole`, files are read whole whatever is wanted of
   * them, and another one too: who watches the disk is not to learn what was asked for. Entries that are damaged are
   * answered as if they were not there, unless they are `needed`: then the daemon ends.
   */
  | {
      readonly kind: 'read-entries';
      readonly from: number;
      readonly to: number;
      readonly whole?: boolean;
      readonly needed?: boolean;
    }
  | { readonly kind: 'write-snapshot'; readonly name: string; readonly bytes: Uint8Array }
  /** A snapshot's evidence is committed: rename it `NAME.committed`, with the receipt appended. */
  | { readonly kind: 'commit-snapshot'; readonly name: string; readonly receipt: Uint8Array }
  /**
   * Read a committed snapshot, receipt included, from byte `from` up to and without byte `to` (or its end), answered
   * by one `snapshot-read` with the same `id`.
   */
  | {
      readonly kind: 'read-snapshot';
      readonly id: number;
      readonly snapshot: SnapshotChoice;
      readonly from: number;
      readonly to: number;
    }
  /** Keep parcels, answered by one `parcels-kept` with the same `id` once they are flushed. */
  | { readonly kind: 'keep-parcels'; readonly id: number; readonly parcels: readonly ParcelFile[] }
  /**
   * Read parcels, answered by one `parcels-read` with the same `id`. Those that are not there are left out; so are those
   * that would make the answer too large, but never all that are there.
   */
  | { readonly kind: 'read-parcels'; readonly id: number; readonly paths: readonly string[] }
  /** Name the parcels of a folder, answered by one `parcels-listed` with the same `id`. */
  | { readonly kind: 'list-parcels'; readonly id: number; readonly folder: string }
  /** Remove a folder of parcels with all that it holds, or single parcels. Ordered with `keep-parcels`. */
  | { readonly kind: 'drop-parcels'; readonly folder: string }
  | { readonly kind: 'drop-parcels'; readonly paths: readonly string[] }
  /**
   * Every node that may have a channel with this one, itself left out; sent again whenever the list changes. The
   * host keeps one mutually authenticated TLS 1.3 channel for each pair, presents the `identity` of authority
   * `Node`, and accepts a peer only when the key of its certificate hashes to an id of the list.
   */
  | { readonly kind: 'peers'; readonly nodes: readonly Peer[] }
  /**
   * Tell a peer something. It may be lost, repeated or overtaken: nothing is answered, and the host's queue for
   * each peer has a bound.
   */
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
  /** Ask another server, answered by one `fetched` with the same `id`. Redirects are not followed. */
  | ({ readonly kind: 'fetch'; readonly id: number } & FetchRequest)
  /**
   * Make evidence of the platform that carries these 64 bytes; answered by `attested`. With a credential also have the
   * TPM give back the secret in it.
   */
  | {
      readonly kind: 'attest';
      readonly id: number;
      readonly reportData: Uint8Array;
      readonly credential?: Credential;
    }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly source: 'node' | 'app' | 'governance';
      readonly message: string;
    }
  /** The node cannot or must not go on; the process ends with this code after flushing. */
  | { readonly kind: 'exit'; readonly code: number; readonly reason: string };

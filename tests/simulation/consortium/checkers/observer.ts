import type { Daemon } from '../daemon.ts';

/** Whoever watches. Each promise is one observer. */
export interface Observer {
  /** Entries are handed to the disk of a node. */
  onAppended?(daemon: Daemon, from: number, entries: readonly Uint8Array[]): void;
  /** A node asks its disk for entries, both ends included. */
  onReading?(daemon: Daemon, from: number, to: number): void;
  /** A node forgets what comes after this entry. */
  onTruncated?(daemon: Daemon, seqno: number): void;
  /** The ledger of a node begins after a snapshot. */
  onBegun?(daemon: Daemon, after: number): void;
  onCommitted?(daemon: Daemon, seqno: number): void;
  /** A batch of events, and all that followed from it, is done. */
  onStepped?(daemon: Daemon): void;
  onEnded?(daemon: Daemon, reason: string): void;
}

/** Every bound of the room. Bytes count the entries' own bytes plus `ENTRY_OVERHEAD_BYTES` each. */
export interface Limits {
  /** One message carries no more than this, unless a single entry is larger. */
  readonly messageBytesMax: number;
  readonly messageEntriesMax: number;
  /** What may be on its way to one follower, unanswered. */
  readonly inFlightMessagesMax: number;
  readonly inFlightBytesMax: number;
  /** Entries kept in memory for followers; older durable ones are read back from the ledger. */
  readonly memoryBytesMax: number;
  /** The same while there is no follower; nothing is kept that nobody is going to ask for. */
  readonly memoryAloneBytesMax: number;
  /** Beyond these `admission` answers `full`. */
  readonly uncommittedEntriesMax: number;
  readonly uncommittedBytesMax: number;
  /** Reads waiting for the leader to confirm that it leads. */
  readonly confirmationsMax: number;
  /** Removed nodes that are sent what they lack at one time. */
  readonly straysMax: number;
  /** A learner has caught up when it lacks no more entries than this. */
  readonly learnerLagMax: number;
}

export const defaultLimits: Limits = {
  messageBytesMax: 512 * 1024,
  messageEntriesMax: 8_192,
  inFlightMessagesMax: 32,
  inFlightBytesMax: 4 * 1024 * 1024,
  memoryBytesMax: 32 * 1024 * 1024,
  memoryAloneBytesMax: 0,
  uncommittedEntriesMax: 10_000,
  uncommittedBytesMax: 64 * 1024 * 1024,
  confirmationsMax: 10_000,
  straysMax: 16,
  learnerLagMax: 1_000,
};

/** What an entry costs beside its bytes: its object here, its header on the wire. */
export const ENTRY_OVERHEAD_BYTES = 64;

/** Bounds of a decoded message; what a peer sends beyond them is refused. */
export const WIRE = {
  messageBytesMax: 64 * 1024 * 1024,
  entriesMax: 65_536,
  nodesMax: 1_024,
  nodeIdBytesMax: 256,
} as const;

/** Every bound of a replica, in one place. Sizes in bytes, times in milliseconds. */
export const limits = {
  /** Attempts to run a request whose commit conflicts before it is refused. */
  commitAttemptsMax: 30,
  /** Requests that may wait for their commit (`Prefer: wait`) at one time. */
  waitingRequestsMax: 10_000,
  /** Longest wait a client may ask for. */
  waitMsMax: 30_000,
  /** Paths remembered with their route, so that a template is matched once a path. */
  routeCacheMax: 4_096,
  /** Entries one historical request may span. */
  historicalRangeMax: 100_000,
  /** Historical requests kept at one time; the least recently used goes first. */
  historicalRequestsMax: 1_000,
  /** Default life of an unused historical request. */
  historicalExpiryMs: 1_800_000,
  /** Entries asked of the host in one read. */
  readEntriesMax: 1_000,
  /** Reads of the ledger for undo at one time, and how long one of them is kept. */
  undoReadsInFlightMax: 16,
  /** Signatures of the past kept with their trees, about 100 bytes for each entry under them. */
  verifiedSignaturesMax: 16,
  undoReadExpiryMs: 60_000,
  /** Seqnos further apart than this are read apart. */
  undoReadGapMax: 50,
  /** Entries read at one time to learn who read and wrote what before this node began: some milliseconds of work. */
  lineageReadMax: 256,
  /** Until an undo is tried again that members have accepted and that had to wait for the ledger to be read. */
  undoRetryMs: 500,
  /** Past write sets kept for undo: those of the largest plan, twice. */
  undoPastWritesMax: 40_000,
  /** Longest path and query of a request. */
  targetBytesMax: 8_192,
  /** Questions of other nodes for old entries whose answers are owed at one time; bytes of entries in one answer. */
  loansMax: 64,
  lentBytesMax: 4 * 1024 * 1024,
  /** How long a node may take to answer one, ms. */
  loanPatienceMs: 2_000,
  /** Snapshots whose evidence waits for its commit. */
  snapshotsPendingMax: 5,
  /** Snapshots up to here are taken as often as is configured, larger ones when the ledger has grown as well. */
  snapshotBytesFree: 16 * 1024 * 1024,
  /** What the ledger grows by before a larger one is taken, in what it is larger by. */
  snapshotGrowth: 2,
  /** What one step lays out of a snapshot: about a millisecond of work. */
  snapshotBytesPerStep: 512 * 1024,
  /** How often a node looks whether its evidence is to be renewed, and the primary whose has run out. */
  standingLookMs: 1_000,
  /** How long a node that is to stop tries to leave its office to another one. */
  handoverMsMax: 3_000,
  /** How long a retired node still answers under /node before it ends. */
  retiredMs: 10_000,
  /** Questions for evidence the platform may owe an answer to. */
  evidenceAskedMax: 4,
  /** Requests passed on to the primary whose answers are owed at one time, and those taken from each other node. */
  forwardedMax: 10_000,
  /** Sessions of other nodes' clients remembered for their consistency. */
  forwardedSessionsMax: 10_000,
  /** Patience with the primary when an interface names none (`forwarding_timeout_ms`). */
  forwardingMsDefault: 3_000,
  /**
   * Views that a recovered service leaves out. Nodes whose files are gone may have led in views that the files at hand
   * do not show, and told clients of transactions there: none of them may come to mean another transaction.
   */
  recoveryViewGap: 1_000,
  /** Largest snapshot fetched by a node whose configuration names no bound. */
  snapshotFetchBytesMax: 10_000_000_000,
  /** Pieces in which snapshots are read and fetched. */
  snapshotPieceBytes: 1024 * 1024,
  /** Nodes that others told of and the tables do not name (yet). */
  peersMax: 256,
  /** Rows that one step puts into indexes: about a millisecond of work. */
  indexRowsPerStep: 256,
  /** Transactions read back at one time to build the history of keys. */
  indexReadMax: 100,
  /** Written rows that wait to be committed and indexed; with more, the index is built anew. */
  indexQueueRowsMax: 100_000,
  /** Places of one index; one that would have more is given up. */
  indexPlacesMax: 10_000_000,
  /** Until entries are asked for again that the ledger files did not give back. */
  indexRetryMs: 10_000,
  /** Calls of contracts that are remembered with what they printed, and characters of all that. */
  contractLogCallsMax: 1_000,
  contractLogCharactersMax: 4_000_000,
  /** Streams of events open at one time; events in one piece of a stream. */
  eventStreamsMax: 1_000,
  eventsPerPiece: 100,
  /** After so long without an event a stream says that it is alive. */
  eventSilenceMsMax: 15_000,
  /** Challenges of its TPM that a joiner answers before it gives up: of as many primaries. */
  joinChallengesMax: 5,
  /** Private entries whose lengths cover traffic takes after, and bytes of a piece of a stream under cover at least. */
  coverLengthsMax: 64,
  coverPieceBytes: 2_048,
  /** How long a primary keeps its office before it leaves it to those who lend nothing and want it. */
  officeMsMin: 5_000,
  /** Parcels kept in memory beside the disk, and those of one call that this node does not keep. */
  parcelCacheBytes: 64 * 1024 * 1024,
  parcelsPerCallMax: 20_000,
  /** Bytes of parcels in one answer. */
  parcelMessageBytes: 8 * 1024 * 1024,
  /** Calls whose parcels are being stored at one time, and those of them that may wait for one node. */
  parcelDepositsMax: 1_000,
  parcelDepositsPerNodeMax: 250,
  /** Patience with a node that is to store parcels, or to hand some over. */
  parcelPatienceMs: 2_000,
  /** Questions of other nodes for parcels that may wait for the disk. */
  parcelQuestionsMax: 10_000,
  /** Parcels that are known to be lacking here, and how often they are looked for. */
  parcelsWantedMax: 100_000,
  parcelLookMs: 1_000,
  /** Parcels named in one message, and asked for at a time. */
  parcelNamesPerMessage: 10_000,
  parcelsFetchedAtOnce: 500,
  /** Parcels stored here whose transactions have yet to come; of more it is not noted that they might not. */
  parcelsPendingMax: 100_000,
  /** Log lines a single step may emit for one app call. */
  logLinesPerCallMax: 100,
} as const;

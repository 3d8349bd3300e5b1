/** Every bound of the doors that the configuration does not set. Sizes in bytes, times in milliseconds. */
export const limits = {
  /** A TLS handshake that takes longer is cut off. */
  handshakeMsMax: 10_000,
  /** A request whose last byte comes later than this after its first is refused with 408. */
  requestMsMax: 30_000,
  /** All headers of a request together, as a multiple of `max_header_size`. */
  headersTotalFactor: 4,
  /** Requests of one session that may wait for their answer before no more are read from it. */
  pipelinedRequestsMax: 128,
  /** Answered bytes a session may leave unread before no more requests are read from it. */
  unreadBytesMax: 1_048_576,
  /** How often sessions are checked for idleness and slowness. */
  sweepMs: 1_000,
  /** How often the node is told what the host counts about itself. */
  factsMs: 1_000,
  /** A refused client gets this long to read the refusal before its socket is destroyed. */
  lingerMs: 2_000,
  /** Connections the system may queue before they are accepted. */
  backlog: 1_024,
  /** Bytes of ledger entries read into one answer to the node; at least one entry is given. */
  readBytesMax: 16_777_216,
  /** Bytes of a snapshot read at a time: one that is loaded is read whole. */
  snapshotReadBytesMax: 2_147_483_647,
  /** Milliseconds for which the daemon looks for the next request after it gave an answer, before its core may sleep. */
  lookForMoreMs: 0.3,
  /** Bytes waiting to be written to the ledger beyond which the daemon gives up: the disk has stalled. */
  unwrittenBytesMax: 1_073_741_824,
  /** Bytes for the ledger beyond which not even those wait that may. */
  waitingBytesMax: 1_048_576,
  /** How long a node that is told to stop may take to leave its office to another one. */
  handoverMsMax: 5_000,
  /** How long an orderly end waits for answers and flushes before it ends anyway. */
  stopMsMax: 10_000,
  /** Largest message between nodes; a single ledger entry may be as large as what members vote in. */
  channelMessageBytesMax: 67_108_864,
  /** Messages and bytes that may wait for a peer that reads slowly; what comes when either is reached is dropped. */
  channelQueueMax: 65_536,
  channelQueueBytesMax: 67_108_864,
  /** Bytes handed to a connection before it has taken them: progress is seen at least this often. */
  channelWriteBytes: 1_048_576,
  /** Connections of other nodes, and of those who would pass for one. */
  channelConnectionsMax: 1_024,
  /** Refusals that are written to the log, each once, in so much time. */
  refusalsNotedMax: 100,
  refusalsNotedMs: 60_000,
  /** How long a node may take from a dial to the end of its handshake. */
  dialMsMax: 3_000,
  /** Pauses between dials of a node that cannot be reached: the first one, doubled up to the last. */
  redialMsMin: 20,
  redialMsMax: 500,
  /** How often peers exchange signs of life, and the silence after which a connection counts as lost. */
  channelSweepMs: 1_000,
  channelSilenceMsMax: 3_500,
  /** Largest answer to a `fetch` effect (a piece of a snapshot), and how long it may take. */
  fetchBytesMax: 16_777_216,
  fetchMsMax: 10_000,
  /** Attempts at evidence while a device is busy or another process interferes. */
  evidenceTriesMax: 5,
  /** How long a program may take to make evidence, and what it may print. */
  evidenceMsMax: 30_000,
  evidenceBytesMax: 4_194_304,
  /** Largest answer of a TPM, and how long it may think: making an RSA key takes seconds. */
  tpmAnswerBytesMax: 4_096,
  tpmAnswerMsMax: 30_000,
} as const;

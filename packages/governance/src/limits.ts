/** Every bound of this room. Numbers written with a unit or `Max` last. */
export const governanceLimits = {
  /** Days a node certificate may be valid when the configuration says nothing. */
  nodeCertificateValidityDaysDefault: 365,
  /** Days a service certificate may be valid when the configuration says nothing. */
  serviceCertificateValidityDaysDefault: 365,
  /** Proposals remembered against replay when the configuration says nothing. */
  recentProposalsDefault: 100,
  /** Bounds a constitution may choose the replay window in. */
  recentProposalsMax: 10_000,
  /** Highest `created_at` that still sorts as ten digits: November 2286. */
  createdAtSecondsMax: 9_999_999_999,
  /** Seconds between the signing of a read and the clock of the node that answers it. */
  signedReadSecondsMax: 300,
  /** A share is numbered by one byte's worth of members, and zero is the key itself. */
  recoveryThresholdMax: 254,
  /** Characters of a token: far above any issuer's, far below the header limit of an interface. */
  tokenCharactersMax: 64 * 1024,
  /** Characters of a reason or a trace that travels in an answer or into the ledger. */
  failureTextCharactersMax: 4096,
  /** Transactions one proposal may name to be undone. */
  undoNamedMax: 1_000,
  /** Transactions one plan may undo, dependents included; keys it may change; dependencies it lists. */
  undoTransactionsMax: 10_000,
  undoChangesMax: 10_000,
  undoDependenciesMax: 10_000,
  /** Bytes of a value that a preview shows; of a longer one it shows the beginning and the length. */
  undoShownBytesMax: 1_024,
  /** Characters in the name of a module or function. */
  undoNameCharactersMax: 512,
} as const;

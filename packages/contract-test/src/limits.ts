/** Bounds of a service for tests. */
export const limits = {
  /** Tries of a transaction that others get in the way of; as on a node. */
  attemptsMax: 10,
  /** Seconds for which tokens are valid when a test does not say. */
  tokenSeconds: 3600,
} as const;

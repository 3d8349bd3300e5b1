/** Bounds of what the SDK does on behalf of callers. */
export const limits = {
  /** Rows of a page when nothing is said, and at most. */
  pageRows: 100,
  pageRowsMax: 1000,
  /** Wrong things named in one refusal. */
  detailsMax: 20,
  /** Characters of a cursor: twice the bytes of the longest key that can be paged over. */
  cursorCharactersMax: 8192,
  /** Transactions that one look into the past may span. */
  pastTransactionsMax: 2000,
  /** Past values of a page of a key's history when nothing is said, and at most: each is fetched by itself. */
  historyRows: 20,
  historyRowsMax: 100,
  /** Seconds that past states are kept for a caller who comes again. */
  pastKeptSeconds: 1800,
} as const;

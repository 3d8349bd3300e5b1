/** Every bound of the room. */
export const limits = {
  /** Segments of which it is kept at hand where they have no rows: two bytes a row, or four. */
  rowFiltersMax: 20_000,
  /** Readers that one audience may name. */
  readersMax: 32,
  /** Characters of the name behind `party:` or `role:`. */
  readerNameCharactersMax: 64,
  /** Characters of the id behind `user:`; an issuer and a subject fit. */
  userIdCharactersMax: 512,
  /** Audiences whose rows one transaction may write. */
  audiencesPerTransactionMax: 8,
  /** Bytes of the parcels that one transaction may make. */
  parcelBytesPerTransactionMax: 16 * 1024 * 1024,
  /** Written keys by which a transaction can be found. */
  keysFoundMax: 16,
  /** Transactions on a page. */
  pageMax: 1000,
  pageDefault: 100,
  /** Own transactions that are looked at for one page, filters or not; the cursor goes on from there. */
  lookedAtMax: 10_000,
  /** How far the clocks of two primaries are believed to be apart. */
  clockSkewMs: 10 * 60 * 1000,
  /** How long a cursor serves. */
  cursorLifeMs: 24 * 60 * 60 * 1000,
  /** Lists of readers that are remembered for each viewer. */
  readerListsKnownMax: 1000,
  /** Maps whose names are kept as bytes. */
  mapsKnownMax: 1000,
  /** Audiences whose keys are made ready: at most 12 KB each, key stream included. */
  shelvesAtHandMax: 10_000,
  /** Rows are padded to powers of the root of two from here; records and claims likewise. */
  rowBytesMin: 256,
  /** Fields of one claim, and characters of one of them as JSON. */
  claimFieldsMax: 64,
  claimFieldCharactersMax: 64 * 1024,
} as const;

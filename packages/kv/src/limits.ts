/** Every bound of the key-value store. Generous: they stop a runaway contract, not an ordinary one. */
export const limits = {
  /** Bytes in one key. */
  keyBytesMax: 64 * 1024,
  /** Bytes in one value. */
  valueBytesMax: 64 * 1024 * 1024,
  /** UTF-16 units in the name of a map. */
  mapNameUnitsMax: 1024,
  /** Maps in one store. */
  mapsMax: 100_000,
  /** Keys of one map a transaction remembers having read; beyond them it counts as having read all. */
  keyReadsMax: 65_536,
  /** Ranges of one map a transaction remembers having read; beyond them likewise. */
  rangeReadsMax: 1_024,
  /** Keys of one map in a read set that is recorded; beyond them the interval they lie in stands for them. */
  recordedReadsMax: 1_024,
  /** Reads and writes a lineage holds: about 20 bytes each, plus new keys. */
  lineageTouchesMax: 8_000_000,
  /** Versions of a lineage that are forgotten together. */
  lineageStretchVersions: 65_536,
} as const;

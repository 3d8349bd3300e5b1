/** Bounds of building and comparing. */
export const limits = {
  /** Files of an import chain that are named. */
  chainMax: 20,
  /** Lines of a compiler's findings that are shown. */
  findingsMax: 40,
  /** Differences named of one endpoint. */
  differencesMax: 50,
  /** Nesting of a description that is compared. */
  depthMax: 64,
} as const;

/**
 * An index as a bundle declares it, by name, in `metadata.indexes`. `rows`: found by what a function of the bundle
 * makes of each row of a map. `history`: the transactions that wrote each key of a map.
 */
export type IndexDeclaration =
  | {
      readonly kind: 'rows';
      /** Name of the map, as in the ledger. */
      readonly map: string;
      readonly js_module: string;
      readonly js_function: string;
    }
  | { readonly kind: 'history'; readonly map: string };

/** How far an index has come. */
export interface IndexProgress {
  /** It is exactly what the map was at this seqno; null while it is built for the first time. */
  readonly seqno: number | null;
  /** While it is built: how much is done of how much, rows or transactions. */
  readonly built: { readonly done: number; readonly of: number } | null;
  /** What it cannot be built without, and is not there: another node may have it. */
  readonly waits?: string;
  /** Why it was given up. */
  readonly failure?: string;
}

import { type ByteString, type MapWrites, type ReadableMapState, Store } from '@coco/kv';
import { limits } from '../limits.ts';
import type { Derive } from './derive.ts';
import { historyRow, joined, orderedNumber, split } from './row-keys.ts';

/** One key as a transaction left it. A null value: it was removed. */
export interface Change {
  readonly key: ByteString;
  readonly value: ByteString | null;
  readonly seqno: number;
}

/** The map of an index that contracts read: rows in the order of the index. */
export const indexRows = 'rows';

/**
 * What is derived from the rows of one map, held in memory. It learns of changes in the order of their
 * transactions and says nothing of how far it is: whoever feeds it knows.
 */
export interface ContractIndex {
  readonly state: ReadableMapState;
  /** Rows of the map that could not be indexed, and why the latest could not. */
  readonly skipped: { readonly count: number; readonly reason: string | undefined };
  readonly size: number;
  apply(changes: readonly Change[]): void;
}

/** By which keys a function of the contract finds each row of a map. Only the latest value of a key counts. */
export class RowIndex implements ContractIndex {
  readonly #store = new Store();
  readonly #derive: Derive;
  #skipped = 0;
  #reason: string | undefined;

  constructor(derive: Derive) {
    this.#derive = derive;
  }

  get state(): ReadableMapState {
    return this.#store.at(this.#store.version);
  }

  get skipped(): { readonly count: number; readonly reason: string | undefined } {
    return { count: this.#skipped, reason: this.#reason };
  }

  get size(): number {
    return this.#store.begin().size(indexRows);
  }

  apply(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const latest = new Map(changes.map((change) => [change.key, change]));
    const written: MapWrites = new Map();
    for (const { key, value } of latest.values()) if (value !== null) written.set(key, value);
    const derived = written.size === 0 ? new Map() : this.#derived(written);
    const tx = this.#store.begin();
    for (const { key, seqno } of latest.values()) {
      for (const row of split(tx.get(keysMap, key) ?? '')) tx.delete(indexRows, row);
      const rows: readonly ByteString[] = derived.get(key) ?? [];
      for (const row of rows) tx.set(indexRows, row, orderedNumber(seqno));
      if (rows.length > 0) tx.set(keysMap, key, joined(rows));
      else if (tx.has(keysMap, key)) tx.delete(keysMap, key);
    }
    tx.commit();
    this.#store.compact(this.#store.version);
  }

  /** Halves what fails as a whole, so that one row that takes too long costs only itself. */
  #derived(written: MapWrites): Map<ByteString, readonly ByteString[]> {
    const result = this.#derive(written);
    const found = new Map<ByteString, readonly ByteString[]>();
    if (result.kind === 'derived') {
      for (const [key, rows] of result.rows) {
        if (typeof rows === 'string') this.#skip(rows);
        else found.set(key, rows);
      }
      return found;
    }
    if (written.size === 1) {
      this.#skip(result.reason);
      return found;
    }
    const rows = [...written];
    const middle = rows.length >>> 1;
    for (const half of [rows.slice(0, middle), rows.slice(middle)]) {
      for (const [key, own] of this.#derived(new Map(half))) found.set(key, own);
    }
    return found;
  }

  #skip(reason: string): void {
    this.#skipped++;
    this.#reason = reason.slice(0, limits.reasonCharactersMax);
  }
}

/** Which transactions wrote each key of a map. */
export class HistoryIndex implements ContractIndex {
  readonly skipped = { count: 0, reason: undefined };
  readonly #store = new Store();

  get state(): ReadableMapState {
    return this.#store.at(this.#store.version);
  }

  get size(): number {
    return this.#store.begin().size(indexRows);
  }

  apply(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const tx = this.#store.begin();
    for (const { key, value, seqno } of changes) {
      tx.set(indexRows, historyRow(key, seqno), value === null ? '\0' : '\x01');
    }
    tx.commit();
    this.#store.compact(this.#store.version);
  }
}

const keysMap = 'keys';

import { type ByteString, isByteString } from './bytes.ts';
import { KvError } from './errors.ts';
import { type Catalog, emptyMap, type Head } from './head.ts';
import { limits } from './limits.ts';
import { MapView, transactionFinished } from './map-view.ts';
import type { MapReads, ReadSet } from './read-set.ts';
import type { RangeOptions, ReadableMapState, Row } from './readable.ts';
import { namesIn, Snapshot } from './snapshot.ts';
import type { Generation } from './tree.ts';
import type { MapName, Version, WriteSet } from './write-set.ts';

/**
 * How a transaction ended. 'read-only': nothing was written, `version` is the one that was read. 'conflict':
 * something read has changed since (in `map`), nothing was written; run it again in a new transaction.
 */
export type CommitResult =
  | { kind: 'committed'; version: Version; writeSet: WriteSet }
  | { kind: 'read-only'; version: Version }
  | { kind: 'conflict'; map: MapName };

/**
 * An optimistic, serialisable transaction over the version at which it began. It sees its own writes. Every
 * method but `writeSet` throws KvError 'TransactionFinished' after `commit` or `discard`.
 *
 * ```ts
 * const tx = store.begin();
 * tx.set('accounts', 'alice', String(Number(tx.get('accounts', 'alice') ?? '0') + 1));
 * const result = tx.commit();
 * ```
 */
export class Tx implements ReadableMapState {
  readonly readVersion: Version;

  readonly #head: Head;
  readonly #catalog: Catalog;
  readonly #lineage: number;
  readonly #generation: Generation;
  #first: MapView | undefined;
  #last: MapView | undefined;
  #namesRead = false;
  #finished = false;

  constructor(head: Head) {
    this.readVersion = head.version;
    this.#head = head;
    this.#catalog = head.catalog;
    this.#lineage = head.lineage;
    this.#generation = head.enter();
  }

  /** Whether any map was read or written. */
  get touched(): boolean {
    return this.#namesRead || this.#first !== undefined;
  }

  /**
   * What the transaction began from, without what it has written since; readable until it ends. Looking there
   * is no part of the transaction: nothing conflicts with it.
   */
  get base(): ReadableMapState {
    this.#requireOpen();
    return new Snapshot(this.readVersion, this.#catalog);
  }

  get(map: MapName, key: ByteString): ByteString | undefined {
    return this.#view(map).get(key);
  }

  has(map: MapName, key: ByteString): boolean {
    return this.#view(map).get(key) !== undefined;
  }

  versionOf(map: MapName, key: ByteString): Version | undefined {
    return this.#view(map).versionOf(key);
  }

  size(map: MapName): number {
    return this.#view(map).size();
  }

  range(map: MapName, options: RangeOptions = {}): IterableIterator<Row> {
    return this.#view(map).range(options);
  }

  /** The committed maps and those this transaction has written, in order. */
  maps(): MapName[] {
    this.#requireOpen();
    this.#namesRead = true;
    const names = namesIn(this.#catalog);
    let created = 0;
    for (const name of this.writeSet().keys()) {
      if (this.#catalog.has(name)) continue;
      names.push(name);
      created++;
    }
    return created === 0 ? names : names.sort();
  }

  /** Throws KvError 'InvalidBytes', 'KeyTooLong' or 'ValueTooLong'. */
  set(map: MapName, key: ByteString, value: ByteString): void {
    requireKey(map, key);
    requireValue(map, value);
    this.#view(map).write(key, value);
  }

  /** Removing an absent key is allowed, and is part of the write set. */
  delete(map: MapName, key: ByteString): void {
    requireKey(map, key);
    this.#view(map).write(key, null);
  }

  /** Removes every key the transaction can see. Reads them, so it conflicts with any write to the map. */
  clear(map: MapName): void {
    const view = this.#view(map);
    for (const { key } of view.range({})) view.write(key, null);
  }

  /** What commit would write, maps in the order they were first touched. */
  writeSet(): WriteSet {
    const writeSet: WriteSet = new Map();
    for (let view = this.#first; view !== undefined; view = view.next) {
      if (view.writes !== undefined) writeSet.set(view.name, view.writes);
    }
    return writeSet;
  }

  /** Whether `commit` would make a version. */
  get wrote(): boolean {
    for (let view = this.#first; view !== undefined; view = view.next)
      if (view.writes !== undefined) return true;
    return false;
  }

  /** What was read so far of the maps that `counts`, in the order they were first touched. */
  readSet(counts: (map: MapName) => boolean): ReadSet {
    const reads = new Map<MapName, MapReads>();
    for (let view = this.#first; view !== undefined; view = view.next) {
      const read = counts(view.name) ? view.reads() : undefined;
      if (read !== undefined) reads.set(view.name, read);
    }
    return reads;
  }

  /** Ends the transaction, as the next version of the store if every read still holds. */
  commit(): CommitResult {
    this.#requireOpen();
    this.discard();
    if (!this.wrote) return { kind: 'read-only', version: this.readVersion };
    const map = this.#conflict();
    if (map !== undefined) return { kind: 'conflict', map };
    const version = this.#head.version + 1;
    const writeSet = this.writeSet();
    this.#head.apply(version, writeSet);
    return { kind: 'committed', version, writeSet };
  }

  /** Ends the transaction without writing. Not obligatory, but spares the next commit a copy. */
  discard(): void {
    if (this.#finished) return;
    this.#finished = true;
    for (let view = this.#first; view !== undefined; view = view.next) view.open = false;
    this.#head.leave(this.#generation);
  }

  #view(map: MapName): MapView {
    this.#requireOpen();
    for (let view = this.#first; view !== undefined; view = view.next) if (view.name === map) return view;
    requireMapName(map);
    const view = new MapView(map, this.#catalog.get(map) ?? emptyMap);
    if (this.#last === undefined) this.#first = view;
    else this.#last.next = view;
    this.#last = view;
    return view;
  }

  /** The map in which something read has changed since; undefined if none. A rollback changes every map. */
  #conflict(): MapName | undefined {
    const head = this.#head;
    if (this.#lineage !== head.lineage) return this.#first?.name;
    if (head.version === this.readVersion) return undefined;
    if (this.#namesRead && head.catalog.size !== this.#catalog.size) {
      return namesIn(head.catalog).find((name) => !this.#catalog.has(name));
    }
    for (let view = this.#first; view !== undefined; view = view.next) {
      if (!view.holdsIn(head.catalog.get(view.name) ?? emptyMap)) return view.name;
    }
    return undefined;
  }

  #requireOpen(): void {
    if (this.#finished) throw transactionFinished();
  }
}

function requireMapName(map: MapName): void {
  if (map.length <= limits.mapNameUnitsMax) return;
  throw new KvError('MapNameTooLong', `map name of ${map.length} units: at most ${limits.mapNameUnitsMax}`);
}

function requireKey(map: MapName, key: ByteString): void {
  if (key.length > limits.keyBytesMax) {
    throw new KvError('KeyTooLong', `key of ${key.length} bytes in ${map}: at most ${limits.keyBytesMax}`);
  }
  if (!isByteString(key))
    throw new KvError('InvalidBytes', `key in ${map} is not bytes: encode the text first`);
}

function requireValue(map: MapName, value: ByteString): void {
  if (value.length > limits.valueBytesMax) {
    throw new KvError(
      'ValueTooLong',
      `value of ${value.length} bytes in ${map}: at most ${limits.valueBytesMax}`,
    );
  }
  if (!isByteString(value))
    throw new KvError('InvalidBytes', `value in ${map} is not bytes: encode the text first`);
}

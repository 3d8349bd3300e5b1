import type { ByteString } from './bytes.ts';
import { KvError } from './errors.ts';
import { type AdoptedMap, type ApplyHook, type Catalog, Head, type WriteHook } from './head.ts';
import type { Row } from './readable.ts';
import { Snapshot } from './snapshot.ts';
import { Tree } from './tree.ts';
import { Tx } from './tx.ts';
import type { MapName, Version, WriteSet } from './write-set.ts';

interface Retained {
  readonly version: Version;
  catalog: Catalog;
}

/** All maps of a replica: the latest version, and those that were retained and not yet compacted. */
export class Store {
  readonly #head: Head;
  readonly #rollbackHooks: ((to: Version) => void)[] = [];
  readonly #adoptHooks: (() => void)[] = [];
  /** Ascending by version. */
  #retained: Retained[] = [];
  #compactedTo: Version;

  /** An empty store at version 0, which is retained. */
  constructor() {
    this.#head = new Head(0, new Tree(0));
    this.#compactedTo = 0;
    this.retain();
  }

  /** A store of these maps, its version retained and nothing before it known. Rows may come in any order. */
  static from(version: Version, maps: Iterable<[MapName, Iterable<Row>]>): Store {
    const store = new Store();
    store.#load(version, maps);
    return store;
  }

  get version(): Version {
    return this.#head.version;
  }

  /** Versions before this one are gone for good. */
  get compactedTo(): Version {
    return this.#compactedTo;
  }

  /** A transaction over the latest version. */
  begin(): Tx {
    return new Tx(this.#head);
  }

  /** The latest version or a retained one. Throws KvError 'VersionNotRetained'. */
  at(version: Version): Snapshot {
    if (version === this.version) this.#head.freeze();
    return new Snapshot(version, version === this.version ? this.#head.catalog : this.#find(version).catalog);
  }

  /** Applies a write set decided elsewhere. Throws KvError 'VersionNotNext' unless it is a later version. */
  apply(version: Version, writeSet: WriteSet): void {
    if (!Number.isSafeInteger(version) || version <= this.version) {
      throw new KvError('VersionNotNext', `cannot apply version ${version}: the store is at ${this.version}`);
    }
    this.#head.apply(version, writeSet);
  }

  /**
   * Puts whole maps beside those that are there, each row with its version: what a recovery could read only
   * later. They count as having been there in every version that is kept, so that no rollback loses them. The
   * version of the store stays. Throws KvError 'MapExists' for a map that was written, and then adopts none.
   */
  adopt(maps: Iterable<[MapName, Iterable<Row>]>): void {
    const adopted = Array.from(maps, ([name, rows]): AdoptedMap => [name, treeOf(rows)]);
    for (const [name] of adopted) {
      if (!this.#head.catalog.has(name)) continue;
      throw new KvError('MapExists', `cannot adopt map ${name}: it has been written`);
    }
    for (const kept of this.#retained) kept.catalog = this.#head.including(adopted, kept.catalog);
    this.#head.adopt(adopted);
    for (const hook of this.#adoptHooks) hook();
  }

  /** Keeps the latest version for `at` and `rollback`, until compacted. */
  retain(): void {
    if (this.#retained.at(-1)?.version === this.version) return;
    this.#head.freeze();
    this.#retained.push({ version: this.version, catalog: this.#head.catalog });
  }

  /** Returns to a retained version and forgets all later. Throws KvError 'VersionNotRetained'. */
  rollback(version: Version): void {
    if (version === this.version) return;
    const { catalog } = this.#find(version);
    this.#retained = this.#retained.filter((kept) => kept.version <= version);
    this.#head.reset(version, catalog);
    for (const hook of this.#rollbackHooks) hook(version);
  }

  /** Lets go of retained versions before this one. Snapshots already taken stay readable. */
  compact(version: Version): void {
    if (version <= this.#compactedTo) return;
    if (version > this.version) {
      throw new KvError(
        'VersionNotRetained',
        `cannot compact to ${version}: the store is at ${this.version}`,
      );
    }
    this.#compactedTo = version;
    this.#retained = this.#retained.filter((kept) => kept.version >= version);
  }

  /** Calls the hook after each local write to the map, in the order of registration. */
  onWrite(map: MapName, hook: WriteHook): void {
    this.#head.onWrite(map, hook);
  }

  /** Calls the hook after each version that comes, committed here or applied, in the order of registration. */
  onApply(hook: ApplyHook): void {
    this.#head.onApply(hook);
  }

  /** Calls the hook after the store has returned to an earlier version. */
  onRollback(hook: (to: Version) => void): void {
    this.#rollbackHooks.push(hook);
  }

  /** Calls the hook after the store has adopted whole maps. */
  onAdopt(hook: () => void): void {
    this.#adoptHooks.push(hook);
  }

  #find(version: Version): Retained {
    const found = this.#retained.find((kept) => kept.version === version);
    if (found !== undefined) return found;
    const kept = this.#retained.map((each) => each.version).join(', ');
    throw new KvError(
      'VersionNotRetained',
      `version ${version} is not kept (latest ${this.version}, retained ${kept})`,
    );
  }

  #load(version: Version, maps: Iterable<[MapName, Iterable<Row>]>): void {
    const catalog: Catalog = new Tree(0);
    for (const [name, rows] of maps) catalog.set(name, treeOf(rows), version);
    this.#head.reset(version, catalog);
    this.#retained = [];
    this.#compactedTo = version;
    this.retain();
  }
}

/**
 * A map that no later generation owns. Rows that come in order are appended. The others are sorted first:
 * scattered inserts cost ten times as much.
 */
function treeOf(rows: Iterable<Row>): Tree<ByteString> {
  const tree = new Tree<ByteString>(0);
  const late: Row[] = [];
  let last: ByteString | undefined;
  for (const row of rows) {
    if (last === undefined || row.key > last) {
      tree.set(row.key, row.value, row.version);
      last = row.key;
    } else {
      late.push(row);
    }
  }
  late.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  for (const row of late) tree.set(row.key, row.value, row.version);
  return tree;
}

import type { ByteString } from './bytes.ts';
import { KvError } from './errors.ts';
import { limits } from './limits.ts';
import { type Generation, Tree } from './tree.ts';
import type { MapName, MapWrites, Version, WriteSet } from './write-set.ts';

/** All maps of one version, by name: a tree of trees, so that the whole is kept as cheaply as one map. */
export type Catalog = Tree<Tree<ByteString>>;

/** A map that was filled elsewhere. */
export type AdoptedMap = readonly [name: MapName, map: Tree<ByteString>];

/** Called after a write to a map has been applied. Must not throw, and must not write to the store. */
export type WriteHook = (version: Version, writes: MapWrites) => void;

/** Called after a whole write set has been applied, with the same duties. */
export type ApplyHook = (version: Version, writeSet: WriteSet) => void;

/** Stands for every map that nobody wrote yet. Never edited: no generation is this low. */
export const emptyMap = new Tree<ByteString>(-1);

/**
 * The latest state, the one that is edited.
 *
 * `generation` owns the nodes that may be edited in place. Freezing starts a new one. It is needed before a
 * write whenever somebody may still read what is there: a retained version, or a transaction begun in this
 * generation and not finished. A transaction that is never finished costs one freeze, no more.
 */
export class Head {
  version: Version;
  catalog: Catalog;
  /** Counts rollbacks: version numbers are used again after one, so they do not tell states apart. */
  lineage = 0;
  #generation: Generation;
  #reading = 0;
  readonly #writeHooks = new Map<MapName, WriteHook[]>();
  readonly #applyHooks: ApplyHook[] = [];

  constructor(version: Version, catalog: Catalog) {
    this.version = version;
    this.catalog = catalog;
    this.#generation = catalog.owner;
  }

  /** A reader of this state has come; it gives back the number it gets. */
  enter(): Generation {
    this.#reading++;
    return this.#generation;
  }

  /** The reader that entered in this generation has gone. */
  leave(generation: Generation): void {
    if (generation === this.#generation) this.#reading--;
  }

  /** From now on the present catalog never changes. */
  freeze(): void {
    this.#generation++;
    this.#reading = 0;
  }

  /** Makes the write set the next version. Throws KvError 'TooManyMaps' before anything has changed. */
  apply(version: Version, writeSet: WriteSet): void {
    if (this.#reading > 0) this.freeze();
    this.catalog = this.catalog.editable(this.#generation);
    this.#requireRoom(writeSet);
    for (const [name, writes] of writeSet) {
      if (writes.size > 0) this.#applyToMap(name, writes, version);
    }
    this.version = version;
    if (this.#writeHooks.size > 0) this.#notify(version, writeSet);
    for (const hook of this.#applyHooks) hook(version, writeSet);
  }

  /** Takes up a frozen state again. */
  reset(version: Version, catalog: Catalog): void {
    this.freeze();
    this.version = version;
    this.catalog = catalog;
    this.lineage++;
  }

  /** Adds whole maps, which no generation owns; transactions begun before will conflict. */
  adopt(maps: readonly AdoptedMap[]): void {
    this.catalog = this.including(maps, this.catalog);
    this.lineage++;
  }

  /** A copy of a catalog that has these maps too. */
  including(maps: readonly AdoptedMap[], catalog: Catalog): Catalog {
    this.freeze();
    const copy = catalog.editable(this.#generation);
    for (const [name, map] of maps) copy.set(name, map, this.version);
    return copy;
  }

  onWrite(map: MapName, hook: WriteHook): void {
    const hooks = this.#writeHooks.get(map);
    if (hooks === undefined) this.#writeHooks.set(map, [hook]);
    else hooks.push(hook);
  }

  onApply(hook: ApplyHook): void {
    this.#applyHooks.push(hook);
  }

  #applyToMap(name: MapName, writes: MapWrites, version: Version): void {
    const known = this.catalog.get(name);
    const map = (known ?? emptyMap).editable(this.#generation);
    if (map !== known) this.catalog.set(name, map, version);
    for (const [key, value] of writes) {
      if (value === null) map.delete(key);
      else map.set(key, value, version);
    }
  }

  #requireRoom(writeSet: WriteSet): void {
    if (this.catalog.size + writeSet.size <= limits.mapsMax) return;
    let created = 0;
    for (const name of writeSet.keys()) if (!this.catalog.has(name)) created++;
    if (this.catalog.size + created <= limits.mapsMax) return;
    throw new KvError(
      'TooManyMaps',
      `a store holds at most ${limits.mapsMax} maps: use fewer maps and longer keys`,
    );
  }

  #notify(version: Version, writeSet: WriteSet): void {
    for (const [name, writes] of writeSet) {
      const hooks = this.#writeHooks.get(name);
      if (hooks !== undefined) for (const hook of hooks) hook(version, writes);
    }
  }
}

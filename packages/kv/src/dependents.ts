import type { ByteString } from './bytes.ts';
import type { Struck } from './invert.ts';
import type { Lineage, Place } from './lineage.ts';
import { firstAfter, touch } from './lineage-segment.ts';
import type { MapName, Version } from './write-set.ts';

/**
 * Finds which versions hang on others, in ways that `eachDependency` tells in full. To be asked in ascending order: then
 * nothing that was looked at for one version is looked at again for another, or for another key of the same.
 */
export class DependentSearch {
  readonly #lineage: Lineage;
  readonly #struck: Struck;
  /** By key: the next write that counts, up to which its readers have been seen. */
  readonly #overwritten = new Map<MapName, Map<ByteString, Version>>();
  /** Of each list of those who read an interval, how many have been seen, or need not be any more. */
  readonly #scanned = new Map<readonly Version[], number>();

  constructor(lineage: Lineage, struck: Struck) {
    this.#lineage = lineage;
    this.#struck = struck;
  }

  /** Calls `see` with the versions that hang on this one, but for some that it was called with before. */
  each(version: Version, see: (by: Version) => void): void {
    for (const place of this.#lineage.written(version)) {
      const until = this.#eachReader(place, version, see);
      this.#lineage.eachScanners(place, version, (scanners) => {
        let at = Math.max(this.#scanned.get(scanners) ?? 0, firstAfter(scanners, version));
        for (; at < scanners.length && scanners[at]! <= until; at++)
          if (!this.#struck(scanners[at]!)) see(scanners[at]!);
        this.#scanned.set(scanners, at);
      });
    }
  }

  /** Who read the key, and who wrote it next; answers with the latter. */
  #eachReader({ map, key }: Place, version: Version, see: (by: Version) => void): Version {
    const ofMap = this.#overwritten.get(map) ?? new Map<ByteString, Version>();
    this.#overwritten.set(map, ofMap);
    const known = ofMap.get(key) ?? 0;
    if (known > version) return known;
    let until = Number.POSITIVE_INFINITY;
    this.#lineage.eachAfter({ map, key }, version, (by, kind) => {
      if (this.#struck(by)) return false;
      see(by);
      if (kind === touch.read) return false;
      until = by;
      return true;
    });
    ofMap.set(key, until);
    return until;
  }
}

/**
 * The roots and all that hangs on them, ascending, as far as they are not more than `most`; `isComplete` says that they
 * are not.
 */
export function dependentClosure(
  lineage: Lineage,
  roots: readonly Version[],
  struck: Struck,
  most: number,
): { readonly reached: readonly Version[]; readonly isComplete: boolean } {
  const search = new DependentSearch(lineage, struck);
  const reached = [...roots].sort((a, b) => a - b);
  let isComplete = true;
  // What hangs on a version comes after it, so that the list grows behind the place that is looked at.
  for (let at = 0; at < reached.length && isComplete; at++) {
    search.each(reached[at]!, (by) => {
      const place = firstAfter(reached, by);
      if (reached[place - 1] === by) return;
      if (reached.length < most) reached.splice(place, 0, by);
      else isComplete = false;
    });
  }
  return { reached, isComplete };
}

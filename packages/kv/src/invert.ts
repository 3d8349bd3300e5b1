import type { ByteString } from './bytes.ts';
import type { Lineage, Place } from './lineage.ts';
import { firstAfter, touch } from './lineage-segment.ts';
import type { MapName, Version } from './write-set.ts';

/** How a later transaction hangs on an earlier one. */
export type DependencyKind = 'read' | 'scan' | 'overwrite';

/** A later transaction that read or overwrote what an earlier one wrote. */
export interface Dependency extends Place {
  readonly on: Version;
  readonly by: Version;
  readonly kind: DependencyKind;
}

/** Versions that count as if they had never been: those undone, and the undos that made it so. */
export type Struck = (version: Version) => boolean;

/** One key that an inverse writes. */
export interface Reversal extends Place {
  /** The version whose value the key gets back; 0 when it is to be absent. */
  readonly to: Version;
  /** The version that last wrote the key, whatever became of it since. */
  readonly from: Version;
}

/** What undoing a set of versions comes to. `blocked`: something that is not undone overwrote the key later. */
export type Inverse =
  | { readonly kind: 'inverse'; readonly reversals: readonly Reversal[] }
  | { readonly kind: 'blocked'; readonly by: Version; readonly at: Place }
  /** The value before is older than what the lineage knows. */
  | { readonly kind: 'unknown'; readonly at: Place };

/**
 * Calls `see` with everything after `version` that reads what it wrote, up to and including the next write of
 * the same key, until it answers true. What follows that write depends on the writer, and through it on this one.
 */
export function eachDependency(
  lineage: Lineage,
  version: Version,
  struck: Struck,
  see: (dependency: Dependency) => boolean,
): void {
  let enough = false;
  for (const place of lineage.written(version)) {
    if (enough) return;
    let until = Number.POSITIVE_INFINITY;
    lineage.eachAfter(place, version, (by, kind) => {
      if (struck(by)) return false;
      enough = see({ on: version, by, kind: kind === touch.read ? 'read' : 'overwrite', ...place });
      if (kind !== touch.read) until = by;
      return enough || kind !== touch.read;
    });
    lineage.eachScanners(place, version, (scanners) => {
      for (
        let i = firstAfter(scanners, version);
        !enough && i < scanners.length && scanners[i]! <= until;
        i++
      )
        enough = !struck(scanners[i]!) && see({ on: version, by: scanners[i]!, kind: 'scan', ...place });
    });
  }
}

/**
 * What has to be written so that the state is as if these versions had never been, given that nothing that
 * stays has read from them (`eachDependency` tells). Keys come by map, in the order they were first written.
 */
export function invert(lineage: Lineage, undone: ReadonlySet<Version>, struck: Struck): Inverse {
  const seen = new Map<MapName, Set<ByteString>>();
  const reversals: Reversal[] = [];
  for (const version of [...undone].sort((a, b) => a - b)) {
    for (const place of lineage.written(version)) {
      const keys = seen.get(place.map) ?? new Set();
      if (keys.has(place.key)) continue;
      seen.set(place.map, keys.add(place.key));
      const later = nextWrite(lineage, place, version, (by) => struck(by) || undone.has(by));
      if (later !== undefined) return { kind: 'blocked', by: later, at: place };
      const before = lineage.writeBefore(place, version, struck);
      if (before === undefined && lineage.from > 1) return { kind: 'unknown', at: place };
      const last = lineage.writeBefore(place, Number.POSITIVE_INFINITY, () => false);
      const to = before === undefined || before.removed ? 0 : before.version;
      reversals.push({ ...place, to, from: last?.version ?? version });
    }
  }
  return { kind: 'inverse', reversals };
}

function nextWrite(lineage: Lineage, place: Place, after: Version, skips: Struck): Version | undefined {
  let found: Version | undefined;
  lineage.eachAfter(place, after, (by, kind) => {
    if (kind === touch.read || skips(by)) return false;
    found = by;
    return true;
  });
  return found;
}

import type { ByteString } from './bytes.ts';
import { limits } from './limits.ts';
import { fact, LineageSegment, type Touch, touch } from './lineage-segment.ts';
import type { ReadSet } from './read-set.ts';
import type { MapName, Version, WriteSet } from './write-set.ts';

/** What a transaction did to the maps that are followed. */
export interface Traced {
  readonly writes: WriteSet;
  /** Undefined when nobody recorded them: it may have read anything. */
  readonly reads: ReadSet | undefined;
  /** It also did what no inverse takes back. */
  readonly fixed: boolean;
}

/** A key, by map. */
export interface Place {
  readonly map: MapName;
  readonly key: ByteString;
}

/** What bounds a lineage; the room's limits unless a test says otherwise. */
export interface LineageBounds {
  readonly touchesMax: number;
  readonly stretchVersions: number;
}

/**
 * Who read and wrote which key, from one version on without a gap: what is needed to say which transactions
 * depend on which. It holds no values.
 *
 * It is bounded. Versions are forgotten by stretches that begin at the same versions everywhere, so that how far it goes
 * back follows from what was committed and not from when somebody began to listen: the oldest stretch goes when there are
 * more touches than the bound, and the latest never does. Whoever began later can have it preceded by what was before.
 */
export class Lineage {
  /** One for each stretch, or two where an earlier part was added; those of versions that touched nothing may be missing. */
  readonly #segments: LineageSegment[];
  readonly #bounds: LineageBounds;
  #touches = 0;
  #isFull = false;

  /** Knows nothing before `from`. */
  constructor(
    from: Version,
    bounds: LineageBounds = {
      touchesMax: limits.lineageTouchesMax,
      stretchVersions: limits.lineageStretchVersions,
    },
  ) {
    this.#segments = [new LineageSegment(from)];
    this.#bounds = bounds;
  }

  /** The first version it knows of. */
  get from(): Version {
    return this.#segments[0]!.from;
  }

  /** The version after the last one recorded. */
  get end(): Version {
    return this.#latest.end;
  }

  /** Whether what is before was forgotten, or did not fit. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Whether it knows the whole of every stretch but the latest, as whoever listened from the beginning does. */
  get isAligned(): boolean {
    const { from } = this;
    return from === this.stretchOf(from) || this.stretchOf(from) === this.stretchOf(this.#latest.from);
  }

  /** The first version of the stretch that a version lies in. */
  stretchOf(version: Version): Version {
    return version - ((version - 1) % this.#bounds.stretchVersions);
  }

  /** Takes the next version; those left out touched nothing. */
  record(version: Version, { writes, reads, fixed }: Traced): void {
    const stretch = this.stretchOf(version);
    if (this.#latest.from < stretch) this.#segments.push(new LineageSegment(stretch));
    const before = this.#latest.size;
    const facts = (reads === undefined && writes.size > 0 ? fact.unread : 0) | (fixed ? fact.fixed : 0);
    this.#latest.record(version, writes, reads, facts);
    this.#touches += this.#latest.size - before;
    while (this.#touches > this.#bounds.touchesMax && this.from < stretch) this.#forgetOldest();
  }

  /** Forgets every version after `version`: it was rolled back. */
  truncate(version: Version): void {
    while (this.#segments.length > 1 && this.#latest.from > version) this.#segments.pop();
    this.#latest.truncate(version);
    this.#touches = this.#segments.reduce((sum, { size }) => sum + size, 0);
    // What was forgotten for the sake of what is gone now may be had again.
    this.#isFull = false;
  }

  /** Takes what is known of the versions before `from`, as far as there is room: the latest stretch first. */
  precede(earlier: Lineage): void {
    for (const segment of earlier.#segments.toReversed()) {
      if (this.#isFull) return;
      const isLatest = this.stretchOf(segment.from) === this.stretchOf(this.#latest.from);
      if (isLatest || this.#touches + segment.size <= this.#bounds.touchesMax) {
        this.#segments.unshift(segment);
        this.#touches += segment.size;
      } else {
        this.#isFull = true;
        // The rest of a stretch that whoever listened from the beginning has forgotten.
        if (this.from !== this.stretchOf(this.from)) this.#forgetOldest();
      }
    }
  }

  #forgetOldest(): void {
    const stretch = this.stretchOf(this.from);
    while (this.stretchOf(this.from) === stretch) this.#touches -= this.#segments.shift()!.size;
    this.#isFull = true;
  }

  /** Whether the version did what no inverse takes back. */
  isFixed(version: Version): boolean {
    return this.#has(version, fact.fixed);
  }

  /** The versions after `version` that wrote something and of which nobody knows what they read. */
  *unreadAfter(version: Version): IterableIterator<Version> {
    for (let each = Math.max(version + 1, this.from); each < this.end; each++)
      if (this.#has(each, fact.unread)) yield each;
  }

  /** The keys a version wrote. */
  written(version: Version): Place[] {
    const places: Place[] = [];
    this.#of(version)?.eachWritten(version, (map, key) => places.push({ map, key }));
    return places;
  }

  /** Calls `see` with each touch of a key after a version, ascending, until it answers true. */
  eachAfter(place: Place, version: Version, see: (version: Version, kind: Touch) => boolean): void {
    for (const segment of this.#segments) {
      if (segment.end <= version) continue;
      if (segment.eachAfter(place.map, place.key, version, see)) return;
    }
  }

  /** The latest write of a key before a version, unless `skips`; undefined when none is known. */
  writeBefore(
    { map, key }: Place,
    version: Version,
    skips: (version: Version) => boolean,
  ): { readonly version: Version; readonly removed: boolean } | undefined {
    let found: { version: Version; removed: boolean } | undefined;
    for (let i = this.#segments.length - 1; i >= 0 && found === undefined; i--) {
      this.#segments[i]!.eachWriteBefore(map, key, version, (by, kind) => {
        if (skips(by)) return false;
        found = { version: by, removed: kind === touch.remove };
        return true;
      });
    }
    return found;
  }

  /** Calls `see` with the versions that read an interval around a key, some of them after `after`: in ascending lists. */
  eachScanners({ map, key }: Place, after: Version, see: (scanners: readonly Version[]) => void): void {
    for (const segment of this.#segments) {
      if (segment.end > after) segment.eachScanners(map, key, see);
    }
  }

  get #latest(): LineageSegment {
    return this.#segments.at(-1)!;
  }

  #of(version: Version): LineageSegment | undefined {
    return this.#segments.find((segment) => segment.from <= version && version < segment.end);
  }

  #has(version: Version, wanted: number): boolean {
    const facts = this.#of(version)?.facts(version) ?? 0;
    return (facts & wanted) !== 0;
  }
}

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

/**
 * Who read and wrote which key, from one version on without a gap: what is needed to say which transactions
 * depend on which. It holds no values. It is bounded: the oldest versions are forgotten, a segment at a time.
 */
export class Lineage {
  #segments: LineageSegment[];
  readonly #segmentTouches: number;

  /** Knows nothing before `from`. */
  constructor(from: Version, options: { readonly segmentTouches?: number } = {}) {
    this.#segments = [new LineageSegment(from)];
    this.#segmentTouches = options.segmentTouches ?? limits.lineageSegmentTouches;
  }

  /** The first version it knows of. */
  get from(): Version {
    return this.#segments[0]!.from;
  }

  /** The version after the last one recorded. */
  get end(): Version {
    return this.#latest.end;
  }

  /** Takes the next version; those left out touched nothing. */
  record(version: Version, { writes, reads, fixed }: Traced): void {
    if (this.#latest.size >= this.#segmentTouches) this.#segments.push(new LineageSegment(version));
    if (this.#segments.length > limits.lineageSegmentsMax) this.#segments.shift();
    const facts = (reads === undefined && writes.size > 0 ? fact.unread : 0) | (fixed ? fact.fixed : 0);
    this.#latest.record(version, writes, reads, facts);
  }

  /** Forgets every version after `version`: it was rolled back. */
  truncate(version: Version): void {
    while (this.#segments.length > 1 && this.#latest.from > version) this.#segments.pop();
    this.#latest.truncate(version);
  }

  /** This lineage with one that goes on where it ends. */
  followedBy(later: Lineage): Lineage {
    const whole = new Lineage(this.from);
    whole.#segments = [...this.#segments, ...later.#segments];
    return whole;
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

  /** Calls `see` with each version after `after` and up to `until` that read an interval around a key. */
  eachScan({ map, key }: Place, after: Version, until: Version, see: (version: Version) => void): void {
    for (const segment of this.#segments) {
      if (segment.end > after) segment.eachScan(map, key, after, until, see);
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

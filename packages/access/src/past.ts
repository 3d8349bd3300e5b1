import type { MapName, MapWrites, Row, WriteSet } from '@coco/kv';
import { type Segment, segmentBytes } from './audience.ts';
import type { Shelves } from './shelves.ts';
import { hasAudiences, isOwnTable } from './tables.ts';

/**
 * What a past transaction wrote, as somebody may see it: rows of the segments that are `readable` opened, rows of
 * others and the room's own maps gone. Throws `ParcelsAway`.
 */
export function seenOf(
  writeSet: WriteSet,
  shelves: Shelves,
  readable: (map: MapName, segment: Segment) => boolean,
): WriteSet {
  const names = [...writeSet.keys()];
  if (!names.some((name) => hasAudiences(name) || isOwnTable(name))) return writeSet;
  const seen: WriteSet = new Map();
  for (const [map, writes] of writeSet) {
    if (isOwnTable(map)) continue;
    const rows = hasAudiences(map) ? rowsSeen(map, writes, shelves, readable) : writes;
    if (rows.size > 0) seen.set(map, rows);
  }
  return seen;
}

function rowsSeen(
  map: MapName,
  writes: MapWrites,
  shelves: Shelves,
  readable: (map: MapName, segment: Segment) => boolean,
): MapWrites {
  const rows: MapWrites = new Map();
  const lying = Map.groupBy(writes, ([key]) => key.slice(0, segmentBytes));
  for (const [segment, written] of lying) {
    const shelf = readable(map, segment) ? shelves.of(segment) : undefined;
    if (!shelf) continue;
    const values: Row[] = [];
    for (const [place, value] of written) {
      const key = place.slice(segmentBytes);
      if (value !== null) values.push({ key, value, version: 0 });
      // A row that moved to another audience was removed from one and written to the other. Of a parcel that was
      // removed there is nothing to tell which it was.
      else if (shelf.isOrdered && !rows.has(key)) rows.set(key, null);
    }
    for (const { key, value } of shelf.open(map, values)) rows.set(key, value);
  }
  return rows;
}

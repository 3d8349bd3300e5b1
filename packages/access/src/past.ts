import type { MapName, MapWrites, WriteSet } from '@coco/kv';
import { type Segment, segmentBytes } from './audience.ts';
import type { Audiences } from './audiences.ts';
import { openRow } from './sealed-row.ts';
import { hasAudiences, isOwnTable } from './tables.ts';

/**
 * What a past transaction wrote, as somebody may see it: rows of the segments that are `readable` opened, rows of
 * others and the room's own maps gone.
 */
export function seenOf(
  writeSet: WriteSet,
  audiences: Audiences,
  readable: (map: MapName, segment: Segment) => boolean,
): WriteSet {
  const names = [...writeSet.keys()];
  if (!names.some((name) => hasAudiences(name) || isOwnTable(name))) return writeSet;
  const seen: WriteSet = new Map();
  for (const [map, writes] of writeSet) {
    if (isOwnTable(map)) continue;
    const rows = hasAudiences(map) ? rowsSeen(map, writes, audiences, readable) : writes;
    if (rows.size > 0) seen.set(map, rows);
  }
  return seen;
}

function rowsSeen(
  map: MapName,
  writes: MapWrites,
  audiences: Audiences,
  readable: (map: MapName, segment: Segment) => boolean,
): MapWrites {
  const rows: MapWrites = new Map();
  for (const [key, value] of writes) {
    const segment = key.slice(0, segmentBytes);
    const sealing = readable(map, segment) ? audiences.keyOf(segment) : undefined;
    if (!sealing) continue;
    const own = key.slice(segmentBytes);
    if (value !== null) rows.set(own, openRow(sealing, { map, key }, value));
    // A row that moved to another audience was removed from one and written to the other.
    else if (!rows.has(own)) rows.set(own, null);
  }
  return rows;
}

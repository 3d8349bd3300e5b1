import { audienceIdOf, audienceIdToHex, hasAudiences, segmentBytes } from '@coco/access';
import type { ByteString, Place, ReadableMapState } from '@coco/kv';
import { viewerById } from '../access.ts';
import type { MemberId } from '../tables/members.ts';
import type { UndoPlanning } from './world.ts';

/** How somebody sees a row: its key and values in clear, or at most whose it is. */
export type Sight =
  | {
      readonly visible: true;
      readonly key: ByteString;
      readonly audience?: string;
      open(value: ByteString): ByteString;
    }
  | { readonly visible: false; readonly audience?: string };

/**
 * Who may see a row of the application in a preview: the one place that decides it. What is public, everybody;
 * what belongs to an audience, its readers; what is private to the application, nobody but its own code.
 */
export function sightOf(
  member: MemberId,
  state: ReadableMapState,
  { audiences }: UndoPlanning,
): (place: Place) => Sight {
  const seen = new Set(audiences.seenBy(viewerById(state, member)));
  return ({ map, key }) => {
    if (map.startsWith('public:')) return { visible: true, key, open: (value) => value };
    if (!hasAudiences(map)) return { visible: false };
    const segment = key.slice(0, segmentBytes);
    const audience = audienceIdToHex(audienceIdOf(segment));
    // What only the parties' nodes keep is not opened here: its readers too see no more than that it changes.
    const shelf = seen.has(segment) ? audiences.shelfOf(segment) : undefined;
    if (!shelf) return { visible: false, audience };
    const own = key.slice(segmentBytes);
    const open = (value: ByteString) =>
      shelf
        .open(map, [{ key: own, value, version: 0 }])
        .map((row) => row.value)
        .join('');
    return { visible: true, key: own, audience, open };
  };
}

import { audienceIdOf, audienceIdToHex, hasAudiences, segmentBytes } from '@coco/access';
import type { ByteString, ReadableMapState } from '@coco/kv';
import { viewerById } from '../access.ts';
import type { MemberId } from '../tables/members.ts';
import { openedRow } from './row.ts';
import type { Change } from './setting.ts';
import type { UndoPlanning } from './world.ts';

/** How somebody sees a row that changes: its key and values in clear, or at most whose it is. */
export type Sight =
  | {
      readonly visible: true;
      readonly key: ByteString;
      readonly from: ByteString | null;
      readonly to: ByteString | null;
      readonly audience?: string;
    }
  | { readonly visible: false; readonly audience?: string };

/**
 * Who may see a row of the application in a preview: the one place that decides it. What is public, everybody;
 * what belongs to an audience, its readers, where its rows are at hand; what is private to the application, nobody but
 * its own code.
 */
export function sightOf(
  member: MemberId,
  state: ReadableMapState,
  { audiences, shelves }: UndoPlanning,
): (change: Change) => Sight {
  const seen = new Set(audiences.seenBy(viewerById(state, member)));
  return ({ map, key, from, to }) => {
    if (map.startsWith('public:')) return { visible: true, key, from, to };
    if (!hasAudiences(map)) return { visible: false };
    const segment = key.slice(0, segmentBytes);
    const audience = audienceIdToHex(audienceIdOf(segment));
    const row = seen.has(segment) ? openedRow(shelves, { map, key }, [from, to]) : undefined;
    if (row === undefined || row === 'away') return { visible: false, audience };
    const [before = null, after = null] = row.values;
    return { visible: true, key: row.key, from: before, to: after, audience };
  };
}

import { audienceIdOf, audienceIdToHex, hasAudiences, segmentBytes } from '@coco/access';
import type { ByteString, ReadableMapState } from '@coco/kv';
import { viewerById } from '../access.ts';
import type { MemberId } from '../tables/members.ts';
import type { UndoPlan } from './plan.ts';
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

/** What somebody may see of a plan. */
export interface PlanSight {
  of(change: Change): Sight;
  /** Whether why a compensation failed is told. */
  readonly seesDetails: boolean;
}

/**
 * Who may see a row of the application in a preview: the one place that decides it. What is public, everybody;
 * what belongs to an audience, its readers, where its rows are at hand; what is private to the application, nobody but
 * its own code. A compensation may write in the open what it was given of audiences: that is for those who read them all.
 */
export function sightOf(
  member: MemberId,
  state: ReadableMapState,
  { audiences, shelves }: UndoPlanning,
  { concerned }: Pick<UndoPlan, 'concerned'>,
): PlanSight {
  const seen = new Set(audiences.seenBy(viewerById(state, member)));
  const read = new Set([...seen].map(audienceIdOf));
  const seesDetails = concerned.every((audience) => read.has(audience));
  const of = ({ map, key, from, to }: Change): Sight => {
    if (map.startsWith('public:')) return seesDetails ? { visible: true, key, from, to } : { visible: false };
    if (!hasAudiences(map)) return { visible: false };
    const segment = key.slice(0, segmentBytes);
    const audience = audienceIdToHex(audienceIdOf(segment));
    const row = seen.has(segment) ? openedRow(shelves, { map, key }, [from, to]) : undefined;
    if (row === undefined || row === 'away') return { visible: false, audience };
    const [before = null, after = null] = row.values;
    return { visible: true, key: row.key, from: before, to: after, audience };
  };
  return { of, seesDetails };
}

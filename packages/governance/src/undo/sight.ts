import type { Place, ReadableMapState } from '@coco/kv';
import type { MemberId } from '../tables/members.ts';

/** Whether somebody may see what a row holds; of a hidden row at most whose it is. */
export type Sight = { readonly visible: true } | { readonly visible: false; readonly audience?: string };

/**
 * Who may see a row of the application in a preview: the one place that decides it. What is public, everybody;
 * what is private, nobody yet, because governance knows of no audience it belongs to.
 */
export function sightOf(_member: MemberId, _state: ReadableMapState): (place: Place) => Sight {
  return ({ map }) => (map.startsWith('public:') ? { visible: true } : { visible: false });
}

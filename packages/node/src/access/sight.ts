import {
  type Audiences,
  audienceIdOf,
  partsSeen,
  type Reader,
  readersOfSegment,
  recordLook,
  type Segment,
  type TransactionRecord,
  type Viewer,
} from '@coco/access';
import { type AccessGrant, accessGrants } from '@coco/governance';
import type { BuiltinContext } from '../endpoints/context.ts';
import { type Answer, refusal } from '../frontend/answer.ts';

/** What a request may look at: the caller's own, or what a grant opens to it. */
export interface Sight {
  readonly viewer: Viewer;
  readonly segments: readonly Segment[];
  readonly grant: OpenGrant | null;
}

interface OpenGrant extends AccessGrant {
  readonly id: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What the caller may look at, or the refusal: of callers who do not say who they are, and of grants not theirs. */
export function sightOf(context: BuiltinContext): Sight | Answer {
  const { node, query } = context;
  const viewer = context.viewer();
  if (viewer.id === null) {
    return refusal(401, 'InvalidAuthenticationInfo', 'Invalid authentication credentials.');
  }
  const id = query.get('grant');
  const { audiences } = node.access;
  if (id === null) return { viewer, segments: audiences.seenBy(viewer), grant: null };
  const grant = accessGrants.get(context.tx, id);
  if (!grant || !viewer.readers.includes(grant.to) || Date.parse(grant.expires) <= node.now) {
    return refusal(403, 'AuthorizationFailed', 'There is no such grant to this caller, or it has ended.');
  }
  const times = { fromMs: Date.parse(grant.from), untilMs: Date.parse(grant.until) };
  return { viewer, segments: audiences.allSegments(), grant: { ...grant, ...times, id } };
}

/** The segments for whose sake a transaction is within a sight; none: it is not. */
export function segmentsInSight(
  { node }: BuiltinContext,
  { segments, grant }: Sight,
  record: TransactionRecord,
): readonly Segment[] {
  const seen = partsSeen(record, segments);
  if (!grant) return seen;
  if (record.time < grant.fromMs || record.time >= grant.untilMs) return [];
  if (grant.endpoint !== undefined && grant.endpoint !== record.endpoint) return [];
  const { reader } = grant;
  if (reader === undefined) return seen;
  return seen.filter((segment) => isReadBy(node.access.audiences, segment, reader));
}

/** Whether somebody sees what is in a segment: was there in its time, or was let in to the past. */
export function isReadBy(audiences: Audiences, segment: Segment, reader: Reader): boolean {
  const audience = audiences.find(audienceIdOf(segment));
  return audience !== undefined && readersOfSegment(audience, segment).includes(reader);
}

/** Leaves a trace, for the audiences concerned, of what was shown by a grant. */
export function recordSight(
  context: BuiltinContext,
  sight: Sight,
  shown: readonly (readonly Segment[])[],
): void {
  const { grant, viewer } = sight;
  if (!grant) return;
  const counts = new Map<Segment, number>();
  for (const segment of shown.flat()) counts.set(segment, (counts.get(segment) ?? 0) + 1);
  const { node, request } = context;
  const by = viewer.party === null ? `user:${viewer.id}` : `party:${viewer.party}`;
  const look = { grant: grant.id, by, time: node.now, asked: request.target };
  recordLook(context.tx, node.replica.nextSeqno, look, counts);
}

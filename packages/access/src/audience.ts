import { fromHex, toHex } from '@coco/crypto';
import {
  type ByteString,
  byteStringToBytes,
  byteStringToUtf8,
  bytesToByteString,
  utf8ToByteString,
} from '@coco/kv';
import { readU32, u32 } from './numbers.ts';
import type { Reader } from './reader.ts';

/** Sixteen bytes. */
export type AudienceId = ByteString;

/** An audience in one epoch, twenty bytes: what a key belongs to, and what the names of rows begin with. */
export type Segment = ByteString;

/** A reader, and the epochs whose content it sees. */
export interface Membership {
  readonly reader: Reader;
  readonly from: number;
  /** The first epoch it does not see any more; null: it is in. */
  readonly until: number | null;
}

/**
 * Where what an audience may see is kept: in the ledger of every node, or in parcels with the nodes of its parties
 * alone, while the ledger holds their digests.
 */
export type Home = 'everywhere' | 'parties';

/** Where an audience's content is, and who else may come by it. */
export interface Keeping {
  readonly home: Home;
  /** Whether nodes of its parties lend what they keep to a primary that is none of them, for a call at a time. */
  readonly lends: boolean;
}

/**
 * Those who may see a transaction or a row. The readers that found it and how it is kept give it its id; when a reader
 * comes or goes it begins a new epoch, with a new key.
 */
export interface Audience extends Keeping {
  readonly id: AudienceId;
  readonly epoch: number;
  /** The segment that new content belongs to. */
  readonly segment: Segment;
  readonly members: readonly Membership[];
}

const audienceIdBytes = 16;
export const segmentBytes = 20;

/** The segment of an audience in an epoch. */
export function segmentOf(id: AudienceId, epoch: number): Segment {
  return id + u32(epoch);
}

/** The segments of an audience in all its epochs, the present one first. */
export function segmentsOf({ id, epoch }: Audience): Segment[] {
  return Array.from({ length: epoch }, (_, i) => segmentOf(id, epoch - i));
}

/** The form in which people name an audience: 32 hexadecimal digits. */
export function audienceIdToHex(id: AudienceId): string {
  return toHex(byteStringToBytes(id));
}

/** Reads it. Throws CryptoError `InvalidEncoding`. */
export function audienceIdFromHex(hex: string): AudienceId {
  return bytesToByteString(fromHex(hex));
}

/** The audience that a segment is of. */
export function audienceIdOf(segment: Segment): AudienceId {
  return segment.slice(0, audienceIdBytes);
}

/** Who is in an audience now. */
function readersIn(audience: Audience): Reader[] {
  return audience.members.filter(({ until }) => until === null).map(({ reader }) => reader);
}

/** Who sees what a segment of an audience holds, once or still. */
export function readersOfSegment({ members }: Audience, segment: Segment): Reader[] {
  const epoch = readU32(segment, audienceIdBytes);
  return members
    .filter(({ from, until }) => from <= epoch && (until === null || epoch < until))
    .map(({ reader }) => reader);
}

/** An audience of these readers, who see it from the beginning. */
export function foundAudience(id: AudienceId, keeping: Keeping, readers: readonly Reader[]): Audience {
  const members = readers.map((reader) => ({ reader, from: 1, until: null }));
  return { id, ...keeping, epoch: 1, segment: segmentOf(id, 1), members };
}

/** A change of an audience: who is in it, and what it lends. Newcomers see what was before only if `withPast` says so. */
export interface MembershipChange {
  readonly add: readonly Reader[];
  readonly remove: readonly Reader[];
  readonly withPast?: boolean;
  /** Whether its nodes lend from now on, also what was before. Absent: as hitherto. */
  readonly lend?: boolean;
}

/** The audience in its next epoch. Who leaves keeps what it saw; nothing can unsee it. */
export function changeAudience(audience: Audience, change: MembershipChange): Audience {
  const epoch = audience.epoch + 1;
  const gone = new Set(change.remove);
  const staying = audience.members.map((member) =>
    member.until === null && gone.has(member.reader) ? { ...member, until: epoch } : member,
  );
  const present = new Set(readersIn({ ...audience, members: staying }));
  const added = change.add
    .filter((reader) => !present.has(reader))
    .map((reader) => ({ reader, from: change.withPast === true ? 1 : epoch, until: null }));
  const lends = change.lend ?? audience.lends;
  return {
    ...audience,
    lends,
    epoch,
    segment: segmentOf(audience.id, epoch),
    members: [...staying, ...added],
  };
}

/** The segments of an audience that a reader sees, the present one first. */
export function segmentsSeenBy(audience: Audience, readers: ReadonlySet<Reader>): Segment[] {
  const seen = new Set<number>();
  for (const { reader, from, until } of audience.members) {
    if (!readers.has(reader)) continue;
    const last = until === null ? audience.epoch : until - 1;
    for (let epoch = from; epoch <= last; epoch++) seen.add(epoch);
  }
  return [...seen].sort((a, b) => b - a).map((epoch) => segmentOf(audience.id, epoch));
}

/** Value of the map of audiences. */
export function encodeAudience({ home, lends, epoch, members }: Audience): ByteString {
  return utf8ToByteString(
    JSON.stringify({
      ...(home === 'everywhere' ? {} : { home }),
      ...(lends ? {} : { lend: false }),
      epoch,
      members: members.map(({ reader, from, until }) => [reader, from, until]),
    }),
  );
}

/** Reads what `encodeAudience` wrote. */
export function decodeAudience(id: AudienceId, value: ByteString): Audience {
  const { home, lend, epoch, members } = JSON.parse(byteStringToUtf8(value)) as {
    home?: Home;
    lend?: false;
    epoch: number;
    members: [Reader, number, number | null][];
  };
  return {
    id,
    home: home ?? 'everywhere',
    lends: lend ?? true,
    epoch,
    segment: segmentOf(id, epoch),
    members: members.map(([reader, from, until]) => ({ reader, from, until })),
  };
}

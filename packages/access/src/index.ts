export {
  type Audience,
  type AudienceId,
  audienceIdFromHex,
  audienceIdOf,
  audienceIdToHex,
  type Home,
  type MembershipChange,
  readersOfSegment,
  type Segment,
  segmentBytes,
  segmentsOf,
} from './audience.ts';
export { Audiences } from './audiences.ts';
export { type AccessRule, CallAccess, type CallParts, type Recorded } from './call.ts';
export { changeMembers, shredAudience } from './change.ts';
export {
  type Claims,
  claimsDigestOf,
  decodeClaims,
  disclose,
  openClaims,
  type Presentation,
} from './claims.ts';
export { type CursorBinding, openCursor, sealCursor } from './cursor.ts';
export { AccessError, type AccessErrorCode } from './errors.ts';
export { limits } from './limits.ts';
export {
  type Listed,
  type ListPage,
  type ListQuery,
  listPage,
  partsSeen,
  recordAt,
} from './listing.ts';
export { type Look, type LookPage, looksAt, recordLook } from './looks.ts';
export { isNotice, recordNotice } from './notice.ts';
export { u64 as seqnoKey } from './numbers.ts';
export { paddedJson, paddedSize } from './padding.ts';
export {
  noParcels,
  type Parcel,
  ParcelDesk,
  type ParcelId,
  type ParcelName,
  type Parcels,
  parcelOf,
  readSlip,
  slipFor,
} from './parcel.ts';
export { seenOf } from './past.ts';
export { anonymous, type Reader, readersOf, type Viewer, viewerOf } from './reader.ts';
export type { Part, TransactionRecord } from './record.ts';
export { type Place, referenceCharacters } from './reference.ts';
export type { MapDoor } from './rows.ts';
export { Shelves } from './shelves.ts';
export { shreddedIn, slipsIn } from './slips.ts';
export { hasAudiences, isOwnTable, tables } from './tables.ts';
export { type Order, type Stretch, TransactionIndex } from './transaction-index.ts';

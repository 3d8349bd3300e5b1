export {
  type ByteString,
  byteStringToBytes,
  byteStringToUtf8,
  bytesToByteString,
  isByteString,
  utf8ToByteString,
} from './bytes.ts';
export { KvError, type KvErrorCode } from './errors.ts';
export type { WriteHook } from './head.ts';
export { limits } from './limits.ts';
export { prefixEnd, successor } from './range.ts';
export type { RangeOptions, ReadableMapState, Row } from './readable.ts';
export { Snapshot } from './snapshot.ts';
export { Store } from './store.ts';
export { type CommitResult, Tx } from './tx.ts';
export type { MapName, MapWrites, Version, WriteSet } from './write-set.ts';

export {
  type ByteString,
  byteStringToBytes,
  byteStringToUtf8,
  bytesToByteString,
  isByteString,
  utf8ToByteString,
  writeByteString,
} from './bytes.ts';
export { DependentSearch, dependentClosure } from './dependents.ts';
export { KvError, type KvErrorCode } from './errors.ts';
export type { ApplyHook, WriteHook } from './head.ts';
export {
  type Dependency,
  type DependencyKind,
  eachDependency,
  type Inverse,
  invert,
  type Reversal,
  type Struck,
} from './invert.ts';
export { limits } from './limits.ts';
export { Lineage, type Place, type Traced } from './lineage.ts';
export { prefixEnd, successor } from './range.ts';
export { decodeReadSet, encodeReadSet, type MapReads, type ReadSet } from './read-set.ts';
export type { RangeOptions, ReadableMapState, Row } from './readable.ts';
export { Snapshot } from './snapshot.ts';
export { Store } from './store.ts';
export { type CommitResult, Tx } from './tx.ts';
export type { MapName, MapWrites, Version, WriteSet } from './write-set.ts';

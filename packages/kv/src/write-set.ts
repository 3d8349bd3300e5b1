import type { ByteString } from './bytes.ts';

/** A position in the history of the store: the seqno of the transaction that made it; 0 is the empty store. */
export type Version = number;

/** Names a map, as text. `public:...` is public, all others private; the store does not care. */
export type MapName = string;

/** What was written to one map; null = removed. */
export type MapWrites = Map<ByteString, ByteString | null>;

/** What a transaction writes: only the maps that were written. */
export type WriteSet = Map<MapName, MapWrites>;

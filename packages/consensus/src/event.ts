import type { Entry, NodeId, Origin } from './entry.ts';
import type { Message } from './message.ts';

/** Everything the world may tell a `Raft`. */
export type Event =
  /** `ticks` units of time have passed; the owner chooses the unit (a millisecond is usual). */
  | { readonly kind: 'tick'; readonly ticks: number }
  /**
   * The leader's owner appends entries, numbered on from the last one and in the current view.
   * Throws `NotLeader`, `SeqnoNotNext`, `ViewNotCurrent` or `NodeRetired`: ask `admission` first.
   */
  | { readonly kind: 'propose'; readonly entries: readonly Entry[] }
  /** A message of another node, whose identity the channel has established. */
  | { readonly kind: 'received'; readonly from: NodeId; readonly message: Message }
  /**
   * The disk holds everything up to `seqno`. `token` is that of the latest `append` output this answers; it
   * tells an old write's completion from that of a newer one at the same seqno.
   */
  | { readonly kind: 'appended'; readonly seqno: number; readonly token: number }
  /**
   * Answers a `read` output with consecutive entries from `from`: at least one, and no more than were asked
   * for; none at all when the ledger does not reach back so far.
   */
  | { readonly kind: 'entries-read'; readonly from: number; readonly entries: readonly Entry[] }
  /** A snapshot was loaded in place of the log, after `lacks` said so. Throws `SnapshotNotNeeded` otherwise. */
  | { readonly kind: 'installed'; readonly origin: Origin }
  /** The leader is to hand over, to `to` or to whoever is furthest; nothing happens on another node. */
  | { readonly kind: 'transfer'; readonly to: NodeId | null }
  /**
   * A node of no configuration asks to be elected: it does not know that it was removed. The leader sends it what it
   * lacks; nothing happens on another node.
   */
  | { readonly kind: 'stray'; readonly node: NodeId }
  /** A read wants to be current: answered by `confirmed` or `unconfirmed` with the same `context`. */
  | { readonly kind: 'confirm'; readonly context: number };

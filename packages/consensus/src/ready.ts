import type { Entry, NodeId } from './entry.ts';
import type { Message } from './message.ts';
import type { RetirementPhase, Role } from './status.ts';

/** Everything a `Raft` may ask of its owner, to be carried out in the order given. */
export type Output =
  /**
   * Append to the ledger and answer with `appended`. Entries that were `proposed` are already applied by the
   * owner; those `replicated` come from the leader and are still to be applied.
   */
  | {
      readonly kind: 'append';
      readonly from: number;
      readonly entries: readonly Entry[];
      readonly origin: 'proposed' | 'replicated';
      readonly token: number;
    }
  /** Forget every entry after `seqno`, in the ledger and in the state; none of them was committed. */
  | { readonly kind: 'truncate'; readonly seqno: number }
  /** Everything up to `seqno`, a committable entry, is committed and will never be taken back. */
  | { readonly kind: 'commit'; readonly seqno: number }
  /**
   * May leave at once: whatever it depends on is already durable. Loss and repetition are harmless. Several
   * outputs in a row may carry the same message object, so that it is encoded once.
   */
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: Message }
  /** The role, the view or the known leader changed. */
  | { readonly kind: 'role'; readonly role: Role; readonly view: number; readonly leader: NodeId | null }
  /**
   * The leader wants a committable entry soon: it has just been elected, or hands over. Without one of its
   * own view nothing commits. Given once: an owner that cannot sign now has to remember.
   */
  | { readonly kind: 'sign'; readonly view: number }
  /** This node's own retirement moved to another phase; null when it was taken back. */
  | { readonly kind: 'membership'; readonly phase: RetirementPhase | null }
  /**
   * To the leader, once for each node while it leads: their removal is committed; propose an entry with
   * `retired` for them.
   */
  | { readonly kind: 'retire'; readonly nodes: readonly NodeId[] }
  /** To the leader: this learner has caught up and may be made a voter. */
  | { readonly kind: 'caught-up'; readonly node: NodeId }
  /** Read entries back from the ledger, up to `to` or about `bytesMax`; answer with `entries-read`. */
  | { readonly kind: 'read'; readonly from: number; readonly to: number; readonly bytesMax: number }
  /**
   * This node has fallen behind what the leader keeps: fetch a snapshot beyond `after`, then `installed`.
   * Repeated with every heartbeat until that has happened.
   */
  | { readonly kind: 'fetch-snapshot'; readonly from: NodeId; readonly after: number }
  /** The hand-over did not happen within an election timeout; the leader goes on. */
  | { readonly kind: 'transfer-failed'; readonly to: NodeId | null }
  /** State up to `seqno` contains every write acknowledged as committed before the question was asked. */
  | { readonly kind: 'confirmed'; readonly context: number; readonly seqno: number }
  /** This node cannot vouch that it leads; ask `leader`, if one is known. */
  | { readonly kind: 'unconfirmed'; readonly context: number; readonly leader: NodeId | null };

/** Outputs in the making, in order. */
export class Outbox {
  #outputs: Output[] = [];

  add(output: Output): void {
    this.#outputs.push(output);
  }

  append(entries: readonly Entry[], origin: 'proposed' | 'replicated', token: number): void {
    const first = entries[0];
    if (first !== undefined)
      this.#outputs.push({ kind: 'append', from: first.seqno, entries, origin, token });
  }

  take(): Output[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }
}

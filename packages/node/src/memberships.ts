import type { Membership } from '@coco/consensus';
import { concernsMembership, membershipOf, retirementsRecorded } from '@coco/governance';
import type { ReadableMapState, WriteSet } from '@coco/kv';

/** What an entry means to consensus, beside that it is there. */
export interface MembershipChange {
  readonly configuration?: Membership;
  readonly retired?: readonly string[];
}

const unchanged: MembershipChange = {};

/**
 * Which entries changed who takes part. It follows from the tables alone, so that every node that applies an entry
 * comes to the same result, and may check what its leader says.
 */
export class Memberships {
  readonly #first: Membership;
  #changes: { readonly seqno: number; readonly change: MembershipChange }[] = [];

  /** `first` is in force where the ledger of this node begins. */
  constructor(first: Membership = { voters: [], learners: [] }) {
    this.#first = first;
  }

  /** The newest configuration, committed or not. */
  get latest(): Membership {
    return this.#changes.findLast(({ change }) => change.configuration)?.change.configuration ?? this.#first;
  }

  /** Takes note of an entry that was just applied to `state`. Answers what it changed. */
  note(seqno: number, writeSet: WriteSet, state: () => ReadableMapState): MembershipChange {
    if (!concernsMembership(writeSet)) return unchanged;
    const tables = state();
    const configuration = membershipOf(tables);
    const retired = retirementsRecorded(writeSet, tables);
    const change: MembershipChange = {
      ...(sameMembership(configuration, this.latest) ? {} : { configuration }),
      ...(retired.length === 0 ? {} : { retired }),
    };
    if (change.configuration || change.retired) this.#changes.push({ seqno, change });
    return change;
  }

  /** What the entry at `seqno` changed. */
  at(seqno: number): MembershipChange {
    return this.#changes.find((known) => known.seqno === seqno)?.change ?? unchanged;
  }

  rollBack(seqno: number): void {
    this.#changes = this.#changes.filter((known) => known.seqno <= seqno);
  }
}

function sameMembership(a: Membership, b: Membership): boolean {
  return sameNodes(a.voters, b.voters) && sameNodes(a.learners, b.learners);
}

function sameNodes(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** Whether two nodes read the same out of an entry. */
export function sameChange(a: MembershipChange, b: MembershipChange): boolean {
  const { configuration: left, retired } = a;
  const { configuration: right } = b;
  const same = left === undefined || right === undefined ? left === right : sameMembership(left, right);
  return same && sameNodes(retired, b.retired);
}

import { emptyJoiner } from '@coco/consensus';
import { Store } from '@coco/kv';
import { History, type LedgerSecrets, splitSnapshot } from '@coco/ledger';
import type { Random } from '../identity.ts';
import { Memberships } from '../memberships.ts';
import type { Outbox } from '../outbox.ts';
import type { Beginning } from '../parts.ts';
import { type PastService, PreviousServices } from '../previous-services.ts';
import type { ReplicaState } from '../replica.ts';
import { SignatureIndex } from '../signature-index.ts';
import type { FoundSnapshot } from '../snapshot-search.ts';
import { stateOf } from './snapshot-state.ts';

/** Stores a fetched snapshot: the ledger of this node begins with it, and whoever recovers from its files needs it. */
export function keepSnapshot({ name, bytes }: FoundSnapshot, outbox: Outbox): void {
  const { entry, receipt } = splitSnapshot(bytes);
  outbox.push({ kind: 'write-snapshot', name, bytes: entry });
  outbox.push({ kind: 'commit-snapshot', name, receipt });
}

/** A beginning at a newer snapshot, of a node that has been part of the service. */
export function supersede(before: Beginning, found: FoundSnapshot, random: Random): Beginning {
  return beginAt(found, {
    ...before,
    secrets: before.state.secrets,
    publicOnly: before.reopening.verifiesOnly === true,
    verifiesOnly: before.reopening.verifiesOnly === true,
    previousServices: (past) => new PreviousServices(past, random),
  });
}

/** The state of a ledger without entries. */
export function emptyState(secrets: LedgerSecrets): ReplicaState {
  return {
    store: new Store(),
    secrets,
    history: new History(),
    signatures: new SignatureIndex(),
    memberships: new Memberships(),
    first: 1,
  };
}

/** The state of a node that begins with a snapshot, or with nothing. */
export function beginAt(
  snapshot: FoundSnapshot | null,
  given: Omit<Beginning, 'state' | 'origin' | 'previousServices' | 'reopening'> & {
    readonly secrets: LedgerSecrets;
    readonly publicOnly: boolean;
    readonly verifiesOnly: boolean;
    readonly previousServices: (past: readonly PastService[]) => PreviousServices;
  },
): Beginning {
  const { secrets, publicOnly, verifiesOnly, previousServices, ...rest } = given;
  if (!snapshot) {
    const reopening = { publicOnly, verifiesOnly, secretLinks: new Map<number, string>() };
    return {
      ...rest,
      state: emptyState(secrets),
      origin: emptyJoiner,
      reopening,
      previousServices: previousServices([]),
    };
  }
  // What is never opened needs no place to be opened from.
  const isRead = !publicOnly || verifiesOnly;
  const { seqno, views, retiring, pastServices, secretLinks, ...state } = stateOf(snapshot.loaded);
  return {
    ...rest,
    state: { ...state, secrets, first: seqno + 1 },
    origin: {
      view: 0,
      leads: false,
      seqno,
      viewHistory: views,
      configurations: [{ seqno, ...state.memberships.latest }],
      retiring,
    },
    reopening: { publicOnly, verifiesOnly, secretLinks, ...(isRead ? {} : { base: snapshot.bytes }) },
    previousServices: previousServices(pastServices),
  };
}

import {
  type AudienceId,
  type Audiences,
  anonymous,
  CallAccess,
  hasAudiences,
  type Parcel,
  type ParcelName,
  type Parcels,
  slipFor,
} from '@coco/access';
import type { AppWorld, Outcome } from '@coco/contracts';
import { sha256 } from '@coco/crypto';
import { type Compensation, type CompensationCall, readsOf, tableAccess } from '@coco/governance';
import { type Store, type Tx, utf8ToByteString, type WriteSet } from '@coco/kv';
import type { Application } from '../application.ts';

/** What a compensation runs over. */
export interface CompensationParts {
  readonly application: Application;
  readonly audiences: Audiences;
  readonly store: Store;
  /** Parcels at hand. */
  readonly parcels: Parcels;
}

/** What came of it; or which parcels have to be at hand first. */
export type Compensated =
  | Exclude<Compensation, { kind: 'obstructed' }>
  | { readonly kind: 'lacked'; readonly names: readonly ParcelName[] };

/**
 * Runs a function of the contract over the latest state and answers what it wrote, keeping nothing of it. It
 * has no clock, no chance and no past to look at: run again over the same state it must write the same.
 */
export function compensate(parts: CompensationParts, call: CompensationCall): Compensated {
  const { application, store } = parts;
  const { failure } = application;
  if (failure !== undefined) return { kind: 'failed', reason: failure };
  const world = worldWithoutChance();
  let tx: Tx | undefined;
  let access: CallAccess | undefined;
  let made: Compensated = { kind: 'failed', reason: 'it did not run' };
  const request = {
    headers: { 'content-type': 'application/json' },
    query: '',
    path: '/undo',
    url: '/undo',
    route: '/undo',
    method: 'POST',
    hostname: null,
    params: {},
    body: utf8ToByteString(call.body),
    caller: { policy: 'no_auth' },
  };
  application.execute([{ module: call.module, export: call.function, mode: 'readwrite', request, now: 0 }], {
    world,
    access: () => {
      if (!tx) throw new Error('a call asks for audiences before its transaction has begun');
      access ??= accessOf(tx, parts, call.onBehalfOf);
      return access;
    },
    begin: () => {
      tx?.discard();
      tx = store.begin();
      access = undefined;
      return tx;
    },
    settle: (_, outcome) => {
      if (tx) made = madeOf(tx, access, outcome);
      else made = { kind: 'failed', reason: 'message' in outcome ? outcome.message : 'it did not run' };
    },
  });
  tx?.discard();
  return made;
}

/** The door to rows of the audiences that are concerned. What it seals is sealed alike on every node. */
function accessOf(
  tx: Tx,
  { audiences, parcels }: CompensationParts,
  onBehalfOf: readonly AudienceId[],
): CallAccess {
  return new CallAccess(tx, {
    audiences,
    parcels,
    viewer: anonymous,
    rule: {},
    onBehalfOf,
    nonceOf: (place, value) => {
      if (!audiences.secret) throw new Error('there is a row of an audience, and no secret');
      return audiences.secret.nonceOf(place, value);
    },
  });
}

function madeOf(tx: Tx, access: CallAccess | undefined, outcome: Outcome): Compensated {
  if (access && access.missing.length > 0) return { kind: 'lacked', names: access.missing };
  if (outcome.kind === 'failed') return { kind: 'failed', reason: outcome.message };
  if (outcome.status < 200 || outcome.status >= 300)
    return { kind: 'failed', reason: `it answered with status ${outcome.status}` };
  const writes = tx.writeSet();
  return { kind: 'wrote', writes, reads: readsOf(tx), parcels: parcelsIn(writes, access?.made ?? []) };
}

/** Those that rows were left with: what was written over in the same call is nobody's. */
function parcelsIn(writes: WriteSet, made: readonly Parcel[]): Parcel[] {
  const slips = new Set([...writes].flatMap(([map, rows]) => (hasAudiences(map) ? [...rows.values()] : [])));
  return made.filter((parcel) => slips.has(slipFor(parcel)));
}

function worldWithoutChance(): AppWorld {
  let drawn = 0;
  return {
    consensus: {
      lastCommitted: () => ({ view: 0, seqno: 0 }),
      statusOf: () => 'Unknown',
      viewOf: () => null,
    },
    historical: { stateRange: () => null, drop: () => false },
    random: (length) => {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 32)
        bytes.set(sha256(`undo ${drawn++}`).subarray(0, Math.min(32, length - at)), at);
      return bytes;
    },
    access: tableAccess,
  };
}

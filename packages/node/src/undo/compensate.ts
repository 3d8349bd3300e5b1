import type { AppWorld, Outcome } from '@coco/contracts';
import { sha256 } from '@coco/crypto';
import { type Compensation, readsOf, tableAccess } from '@coco/governance';
import { type Store, type Tx, utf8ToByteString } from '@coco/kv';
import type { Application } from '../application.ts';

/**
 * Runs a function of the contract over the latest state and answers what it wrote, keeping nothing of it. It
 * has no clock, no chance and no past to look at: run again over the same state it must write the same.
 */
export function compensate(
  application: Application,
  store: Store,
  call: { readonly module: string; readonly function: string; readonly body: string },
): Compensation {
  const { failure } = application;
  if (failure !== undefined) return { kind: 'failed', reason: failure };
  let tx: Tx | undefined;
  let made: Compensation = { kind: 'failed', reason: 'it did not run' };
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
    world: worldWithoutChance(),
    begin: () => {
      tx?.discard();
      tx = store.begin();
      return tx;
    },
    settle: (_, outcome) => {
      if (tx) made = madeOf(tx, outcome);
      else made = { kind: 'failed', reason: 'message' in outcome ? outcome.message : 'it did not run' };
    },
  });
  tx?.discard();
  return made;
}

function madeOf(tx: Tx, outcome: Outcome): Compensation {
  if (outcome.kind === 'failed') return { kind: 'failed', reason: outcome.message };
  if (outcome.status < 200 || outcome.status >= 300)
    return { kind: 'failed', reason: `it answered with status ${outcome.status}` };
  return { kind: 'wrote', writes: tx.writeSet(), reads: readsOf(tx) };
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

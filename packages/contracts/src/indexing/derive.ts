import { type ByteString, limits as kvLimits, type MapWrites, Store } from '@coco/kv';
import type { AppWorld, Call, Outcome } from '../call.ts';
import type { App } from '../engine.ts';
import { limits } from '../limits.ts';
import type { IndexDeclaration } from './declaration.ts';

/** The rows of an index that rows of a map lead to; a text in place of them says why there are none. */
export type Derived =
  | { readonly kind: 'derived'; readonly rows: ReadonlyMap<ByteString, readonly ByteString[] | string> }
  | { readonly kind: 'failed'; readonly reason: string };

/** Derives rows of an index from rows of a map. None of them is a removal. */
export type Derive = (written: MapWrites) => Derived;

/**
 * Derives by the function that the contract declares. It sees the rows as what one past transaction wrote, and
 * nothing else: no map, no history, no chance, and the beginning of time, so that every node derives the same.
 */
export function derivingBy(
  execute: App['execute'],
  declaration: Extract<IndexDeclaration, { kind: 'rows' }>,
): Derive {
  const { map, js_module: module, js_function: name } = declaration;
  return (written) => {
    const outcome = run(execute, callOf(module, name, map, written));
    if (outcome === undefined) return { kind: 'failed', reason: 'the engine settled no call' };
    if (outcome.kind === 'failed')
      return { kind: 'failed', reason: outcome.detail?.reason ?? outcome.message };
    const rows = rowsIn(outcome.body, [...written.keys()].sort());
    return rows ?? { kind: 'failed', reason: `${name} answered no rows` };
  };
}

function run(execute: App['execute'], call: Call): Outcome | undefined {
  let settled: Outcome | undefined;
  const store = new Store();
  execute([call], {
    world: nothing,
    begin: () => store.begin(),
    settle: (_, outcome) => {
      settled = outcome;
    },
  });
  return settled;
}

function callOf(module: string, name: string, map: string, written: MapWrites): Call {
  const path = '/index';
  return {
    module,
    export: name,
    mode: 'historical',
    reuseKey: 'coco.index',
    now: 0,
    historical: { transactionId: '0.0', receipt: null, writeSet: new Map([[map, written]]) },
    request: {
      headers: {},
      query: '',
      path,
      url: path,
      route: path,
      method: 'GET',
      hostname: null,
      params: {},
      body: '',
      caller: null,
    },
  };
}

/** For each key in order: its rows in hexadecimal, or why it has none. Undefined for anything else. */
function rowsIn(body: ByteString, keys: readonly ByteString[]): Derived | undefined {
  const rows = new Map<ByteString, readonly ByteString[] | string>();
  const answered: unknown = parse(body);
  if (!Array.isArray(answered) || answered.length !== keys.length) return undefined;
  for (const [at, own] of answered.entries()) {
    const key = keys[at] as ByteString;
    if (typeof own === 'string') rows.set(key, own);
    else if (Array.isArray(own)) rows.set(key, rowsOf(own));
    else return undefined;
  }
  return { kind: 'derived', rows };
}

function rowsOf(hex: readonly unknown[]): readonly ByteString[] | string {
  if (hex.length > limits.indexRowsPerKeyMax) {
    return `a row has at most ${limits.indexRowsPerKeyMax} keys in an index, not ${hex.length}`;
  }
  const rows: ByteString[] = [];
  for (const each of hex) {
    if (typeof each !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(each)) return 'a key of an index is not bytes';
    if (each.length > 2 * kvLimits.keyBytesMax) return 'a key of an index is too long';
    rows.push(each.replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16))));
  }
  return [...new Set(rows)];
}

function parse(text: ByteString): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const nothing: AppWorld = {
  consensus: {
    lastCommitted: () => ({ view: 0, seqno: 0 }),
    statusOf: () => 'Unknown',
    viewOf: () => null,
  },
  historical: { stateRange: () => null, drop: () => false },
  random: (length) => new Uint8Array(length),
  access: () => 'none',
};

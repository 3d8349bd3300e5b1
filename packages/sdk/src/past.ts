import { Refusal } from './errors.ts';
import { limits } from './limits.ts';
import type { TypedMap } from './map.ts';
import { type PastState, sandbox } from './sandbox.ts';

/** Seqnos, both included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What became of a key at one transaction. */
export interface PastValue<V> {
  readonly transactionId: string;
  readonly seqno: number;
  readonly value: V;
  readonly receipt: unknown;
}

/**
 * The committed transactions of a span of seqnos. Refuses with 404 what is not committed yet, with 400 a span
 * that is too long, and with 202 and `retry-after` while the node fetches: the caller comes again.
 */
export function pastStates({ from, to }: Span): readonly PastState[] {
  if (!(from >= 1 && to >= from && to - from < limits.pastTransactionsMax)) {
    const message = `from and to span 1 to ${limits.pastTransactionsMax} transactions, from 1 on`;
    throw new Refusal(400, 'InvalidInput', message, { details: [{ target: 'from', message }] });
  }
  const { consensus, historical } = sandbox();
  if (to > consensus.getLastCommittedTxId().seqno) {
    throw new Refusal(404, 'TransactionPendingOrUnknown', `Transaction ${to} is not committed.`, {
      headers: { 'cache-control': 'no-cache' },
    });
  }
  const states = historical.getStateRange(handleOf(from, to), from, to, limits.pastKeptSeconds);
  if (states !== null) return states;
  throw loading(`Transactions ${from} to ${to} are being fetched.`);
}

/** Committed transactions, each by its seqno. Refuses with 202 while one of them is being fetched. */
export function statesAt(seqnos: readonly number[]): readonly PastState[] {
  const { historical } = sandbox();
  const kept = limits.pastKeptSeconds;
  // All are asked for before the first refusal, so that they come together.
  const found = seqnos.map((seqno) => historical.getStateRange(handleOf(seqno, seqno), seqno, seqno, kept));
  const states = found.flatMap((range) => range ?? []);
  if (states.length === seqnos.length) return states;
  throw loading(`${seqnos.length - states.length} of ${seqnos.length} transactions are being fetched.`);
}

function loading(message: string): Refusal {
  return new Refusal(202, 'TransactionsLoading', message, { headers: { 'retry-after': '1' } });
}

/** What was written under a key in a span of seqnos, the oldest first; removals are not among them. */
export function historyOf<K, V, Prefix>(
  map: TypedMap<K, V, Prefix>,
  key: K,
  span: Span,
): readonly PastValue<V>[] {
  return pastStates(span).flatMap((past) => {
    const value = map.at(past).get(key);
    if (value === undefined) return [];
    const { transactionId, receipt } = past;
    return [{ transactionId, seqno: Number(transactionId.split('.')[1]), value, receipt }];
  });
}

/** The same span has the same handle, so that who comes again finds what was fetched. */
function handleOf(from: number, to: number): number {
  const { crypto, strToBuf } = sandbox();
  return new DataView(crypto.digest('SHA-256', strToBuf(`${from}-${to}`))).getUint32(0);
}

/**
 * What clocks showed to the code of a past transaction, ms since 1970; undefined when it looked at none. An extension: CCF
 * records no time.
 */
export function timeOf(past: PastState): number | undefined {
  const time = past.kv['ccf.internal.time']?.get(new ArrayBuffer(8));
  return time === undefined ? undefined : (JSON.parse(sandbox().bufToStr(time)) as number);
}

import type { App } from './app.ts';
import { SdkError } from './errors.ts';
import type { TypedMap } from './map.ts';
import { answered, type Request, type Response } from './serve.ts';

/** What an undone transaction wrote under one key. */
export interface UndoneWrite<K, V> {
  readonly key: K;
  /** Undefined when it removed the key. */
  readonly value: V | undefined;
  /** What was there until then; undefined for nothing. */
  readonly before: V | undefined;
}

/** A transaction that members undo. */
export interface UndoneTransaction {
  readonly transactionId: string;
  /** What it wrote to a map; of a map whose rows have audiences, the rows that could be opened. */
  writesTo<K, V, Prefix>(map: TypedMap<K, V, Prefix>): readonly UndoneWrite<K, V>[];
}

/**
 * Makes up for transactions that members undo with policy `compensate`, by what it writes. It has no clock and no chance.
 * What it throws, a `Refusal` too, says that these cannot be made up for.
 */
export type Compensation = (undone: readonly UndoneTransaction[]) => void;

/**
 * The function that a bundle exports for a compensation. Throws `DeclarationInvalid` for one that the contract does not
 * have.
 */
export function makeUp(app: App, name: string): (request: Request) => Response | Promise<Response> {
  const compensation = app.compensations.get(name);
  if (compensation === undefined)
    throw new SdkError('DeclarationInvalid', `the compensation ${name} is not declared`);
  return (request) =>
    answered(() => {
      const { transactions } = request.body.json() as { transactions: readonly Told[] };
      compensation(transactions.map(undoneTransaction));
      return { statusCode: 204 };
    });
}

/** A transaction as the service tells of it; keys and values in base64. */
interface Told {
  readonly transaction_id: string;
  readonly writes: readonly {
    readonly map: string;
    readonly key: string;
    readonly value: string | null;
    readonly before: string | null;
  }[];
}

function undoneTransaction({ transaction_id, writes }: Told): UndoneTransaction {
  return {
    transactionId: transaction_id,
    writesTo: ({ codecs, name }) => {
      const decodedOrNothing = (base64: string | null) =>
        base64 === null ? undefined : codecs.value.decode(bytesOf(base64));
      return writes
        .filter(({ map }) => map === name)
        .map(({ before, key, value }) => ({
          key: codecs.key.decode(bytesOf(key)),
          value: decodedOrNothing(value),
          before: decodedOrNothing(before),
        }));
    },
  };
}

function bytesOf(base64: string): ArrayBuffer {
  return Uint8Array.fromBase64(base64).buffer;
}

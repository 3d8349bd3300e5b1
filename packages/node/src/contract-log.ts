import type { LoggedCallOut } from '@coco/api';
import type { Outcome } from '@coco/contracts';
import { contractLogRules } from '@coco/governance';
import type { Store } from '@coco/kv';
import { formatTxId, type TxId } from '@coco/ledger';
import { type Answer, refusal } from './frontend/answer.ts';
import type { Authentication } from './frontend/authentication.ts';
import type { RequestEvent } from './frontend/pipeline.ts';
import { limits } from './limits.ts';

/**
 * What contracts print, and why their calls fail: kept apart from the node's own log, which the operator reads, in
 * memory alone, for those whom members allow. Nobody is, unless they voted so.
 */
export class ContractLog {
  readonly #store: Store;
  readonly #authentication: Authentication;
  #calls: LoggedCallOut[] = [];
  #characters = 0;
  #count = 0;
  #everyCall: boolean | undefined;

  constructor(store: Store, authentication: Authentication) {
    this.#store = store;
    this.#authentication = authentication;
    const forget = (): void => {
      this.#everyCall = undefined;
    };
    store.onWrite(contractLogRules.name, forget);
    store.onRollback(forget);
  }

  /** The answer to somebody who may not read it; undefined for those who may. */
  refuse(request: Pick<RequestEvent, 'session' | 'request'>, now: number): Answer | undefined {
    const readers = contractLogRules.get(this.#store.begin())?.readers ?? [];
    if (readers.length === 0) {
      const message = 'Members have allowed nobody to read what the contract prints: set_contract_log.';
      return refusal(403, 'AuthorizationFailed', message);
    }
    const authenticated = this.#authentication.authenticate(readers, request, now);
    return 'refusal' in authenticated ? authenticated.refusal : undefined;
  }

  /** Calls after a number, the oldest first. */
  after(number: number): readonly LoggedCallOut[] {
    return this.#calls.filter((call) => call.number > number);
  }

  /** Notes how a call ended. Those that neither printed nor failed are noted only when members want every call. */
  note(
    call: { readonly at: number; readonly method: string; readonly path: string },
    status: number,
    outcome: Outcome | undefined,
    txId: TxId | undefined,
  ): void {
    const printed = outcome?.log ?? [];
    const failure = outcome?.kind === 'failed' ? failureOf(outcome) : undefined;
    if (printed.length === 0 && failure === undefined && !this.#wantsEveryCall()) return;
    this.#keep({
      number: ++this.#count,
      ...call,
      status,
      ...(txId === undefined ? {} : { transaction_id: formatTxId(txId) }),
      ...(failure === undefined ? {} : { failure }),
      printed: printed.slice(0, limits.logLinesPerCallMax),
    });
  }

  #keep(call: LoggedCallOut): void {
    this.#calls.push(call);
    this.#characters += sizeOf(call);
    while (
      this.#calls.length > limits.contractLogCallsMax ||
      (this.#characters > limits.contractLogCharactersMax && this.#calls.length > 1)
    ) {
      this.#characters -= sizeOf(this.#calls.shift() as LoggedCallOut);
    }
  }

  #wantsEveryCall(): boolean {
    this.#everyCall ??= contractLogRules.get(this.#store.begin())?.every_call === true;
    return this.#everyCall;
  }
}

function failureOf(outcome: Extract<Outcome, { kind: 'failed' }>): NonNullable<LoggedCallOut['failure']> {
  const { detail, limit, message } = outcome;
  return { ...(detail ?? { reason: message }), ...(limit === undefined ? {} : { limit }) };
}

function sizeOf({ path, failure, printed }: LoggedCallOut): number {
  const lines = printed.reduce((sum, { text }) => sum + text.length, 0);
  return path.length + lines + (failure?.reason.length ?? 0) + (failure?.trace?.length ?? 0);
}

import type { Tx } from '@coco/kv';
import type {
  AppWorld,
  BatchHost,
  ExecutionContext,
  Failure,
  HostFunction,
  Outcome,
  PendingCall,
} from '../call.ts';
import { limits } from '../limits.ts';
import { moduleKey } from '../modules/resolve.ts';
import type { CallWriter } from './call-input.ts';
import { outcome } from './guest/port.ts';
import { failed, failureOf, messages, responseOf, stackOverflow } from './outcome.ts';
import { isRefusal, RefusedError, type Switchboard } from './switchboard.ts';
import type { Traces } from './trace.ts';

/** What a call that looked at nothing came to. */
interface Reported {
  readonly index: number;
  readonly report: readonly unknown[];
  readonly log: unknown;
}

/** What the calls of an app are run with. */
export interface BatchParts {
  readonly board: Switchboard;
  /** Serves calls that have ended and wait to be settled. */
  readonly settling: Switchboard;
  readonly functions: ReadonlyMap<string, HostFunction>;
  readonly writer: CallWriter;
  readonly traces: Traces;
  /** Endpoints whose code, when it was last run, looked at nothing that a call before it can have changed. */
  readonly blind: Set<string>;
}

/**
 * How the calls of a batch become transactions and outcomes, whichever context runs them. Calls that look at nothing are
 * settled together after their entry, as if each had been before the next was run: code that stays in the processor's
 * caches runs several times as fast.
 */
export class Batch {
  /** The call to be run next, or in progress. */
  index = 0;
  /** The call is begun and not settled. */
  inProgress = false;
  /** The call failed on something frozen, and is to be tried where less is shared. */
  retry = false;
  /** How the latest settled call ended. */
  lastKind: Outcome['kind'] | undefined;

  readonly #calls: readonly PendingCall[];
  readonly #host: BatchHost;
  readonly #parts: BatchParts;
  readonly #board: Switchboard;
  /** Those that have ended and are not settled, in order. */
  #reported: Reported[] = [];
  /** The call in progress looked at what those before it may yet change: it runs again once they are settled. */
  #again = false;
  #follows: (call: PendingCall) => boolean = () => false;
  #mayRetry = false;

  constructor(calls: readonly PendingCall[], host: BatchHost, parts: BatchParts) {
    this.#calls = calls;
    this.#host = host;
    this.#parts = parts;
    this.#board = parts.board;
  }

  get world(): AppWorld {
    return this.#host.world;
  }

  get isDone(): boolean {
    return this.index >= this.#calls.length;
  }

  /** The call to be run next. */
  get call(): PendingCall {
    return this.#calls[this.index] as PendingCall;
  }

  /** Begins the next call. Those after it are given out by `next`, as long as `follows` holds. */
  open(follows: (call: PendingCall) => boolean, mayRetry: boolean): string {
    this.#follows = follows;
    this.#mayRetry = mayRetry;
    this.retry = false;
    return this.#begin(this.call);
  }

  /** The guest's `next`: takes what it reports and begins what follows. */
  next(report: readonly unknown[]): string | undefined {
    if (this.inProgress) this.#report(report);
    if (this.retry || this.isDone || !this.#follows(this.call)) return undefined;
    return this.#begin(this.call);
  }

  /** Settles the calls that have ended; not while app code is on the stack, which leaves the host too little of it. */
  settleReported(): void {
    const reported = this.#reported;
    if (reported.length === 0) return;
    this.#reported = [];
    for (const { index, report, log } of reported) {
      const board = this.#attach(this.#parts.settling, index, () => this.#host.begin(index));
      board.begin();
      const result = this.#outcomeOf(board, report, log);
      board.detach();
      this.#settled(index, result);
    }
  }

  /** Answers the call in progress, or the next one if none is, with a failure. */
  fail(message: string, reason?: string, limit?: 'time' | 'heap' | 'stack'): void {
    this.#settle(failed(message, reason, limit));
  }

  /** Gives up the attempt in progress; the call is run again later. */
  abandon(): void {
    this.inProgress = false;
    this.#board.detach();
  }

  #report(report: readonly unknown[]): void {
    const { blind } = this.#parts;
    const isBlind = !this.#again && !this.#board.hasBegun;
    if (isBlind) blind.add(endpointOf(this.call));
    else blind.delete(endpointOf(this.call));
    if (this.#again) this.abandon();
    else if (report[0] === outcome.failure) this.#failed(failureOf(report, this.#board.log));
    else if (report[0] !== outcome.response || this.#board.overflowed)
      this.fail(messages.threw, stackOverflow, 'stack');
    else if (isBlind) this.#keep(report);
    else this.#settle(this.#outcomeOf(this.#board, report, this.#board.log));
  }

  #keep(report: readonly unknown[]): void {
    this.#reported.push({ index: this.index++, report, log: this.#board.log });
    this.abandon();
    if (this.#reported.length >= limits.reportedMax) this.settleReported();
  }

  #failed(failure: Failure): void {
    if (this.#mayRetry && isAboutFrozen(failure.detail?.reason)) {
      this.retry = true;
      this.abandon();
    } else {
      this.#settle(this.#explained(failure));
    }
  }

  #explained(failure: Failure): Failure {
    const { detail } = failure;
    if (detail?.trace === undefined) return failure;
    return { ...failure, detail: { ...detail, trace: this.#parts.traces.explain(detail.trace) } };
  }

  /** What a response comes to, its writes put where the board says. */
  #outcomeOf(board: Switchboard, report: readonly unknown[], log: unknown): Outcome {
    const found = responseOf(report, log);
    if (!found) return failed('Invalid endpoint function return value (header type).');
    const { response, writesFrom } = found;
    const size = response.body.length;
    if (size > limits.responseBytesMax) {
      const most = limits.responseBytesMax;
      return failed(messages.threw, `the body has ${size} bytes: at most ${most}`);
    }
    try {
      board.applyWrites(report, writesFrom);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return failed(messages.threw, `TypeError: ${error.message}`);
    }
    if (!board.sawTime && !board.sawPast) return response;
    return { ...response, sawTime: board.sawTime, sawPast: board.sawPast };
  }

  #settle(result: Outcome): void {
    if (this.inProgress) {
      this.settleReported();
      this.#board.begin();
    }
    this.abandon();
    this.#settled(this.index++, result);
  }

  #settled(index: number, result: Outcome): void {
    this.lastKind = result.kind;
    this.#host.settle(index, result);
  }

  #begin(call: PendingCall): string {
    this.#again = false;
    if (!this.#isBlind(call)) this.settleReported();
    const { index } = this;
    this.#attach(this.#board, index, () => this.#beginTransaction(index));
    this.inProgress = true;
    const historical = call.historical ? JSON.stringify(this.#board.lend(call.historical)) : '';
    return this.#parts.writer.write(call, contextOf(call), historical);
  }

  #isBlind(call: PendingCall): boolean {
    return !call.historical && this.#parts.blind.has(endpointOf(call));
  }

  #attach(board: Switchboard, index: number, begin: () => Tx): Switchboard {
    const call = this.#calls[index] as PendingCall;
    const access = () => this.#host.access?.(index);
    const { functions } = this.#parts;
    board.attach({ begin, context: contextOf(call), reach: this.#host.world, functions, access });
    return board;
  }

  #beginTransaction(index: number): Tx {
    if (this.#reported.length === 0) return this.#host.begin(index);
    this.#again = true;
    throw new RefusedError('this call will run again');
  }
}

/** Names the code of a call. */
export const endpointOf = (call: PendingCall): string => `${moduleKey(call.module)} ${call.export}`;

function contextOf({ mode }: PendingCall): ExecutionContext {
  return mode === 'readwrite' ? 'application' : 'read-only application';
}

/** Whether a call may have failed only because what calls share is frozen. */
function isAboutFrozen(reason: string | undefined): boolean {
  if (reason === undefined) return false;
  return /^TypeError: (Cannot (add|assign|delete|define|redefine|freeze)|.* not extensible|.* read.?only)/.test(
    reason,
  );
}

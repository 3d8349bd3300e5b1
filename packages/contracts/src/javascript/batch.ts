import type { AppWorld, BatchHost, Failure, HostFunction, Outcome, PendingCall } from '../call.ts';
import { limits } from '../limits.ts';
import type { CallWriter } from './call-input.ts';
import { outcome } from './guest/port.ts';
import { failed, failureOf, messages, responseOf, stackOverflow } from './outcome.ts';
import { isRefusal, type Switchboard } from './switchboard.ts';
import type { Traces } from './trace.ts';

/** How the calls of a batch become transactions and outcomes, whichever context runs them. */
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
  readonly #board: Switchboard;
  readonly #functions: ReadonlyMap<string, HostFunction>;
  readonly #writer: CallWriter;
  readonly #traces: Traces;
  #follows: (call: PendingCall) => boolean = () => false;
  #mayRetry = false;
  readonly #access = () => this.#host.access?.(this.index);

  constructor(
    calls: readonly PendingCall[],
    host: BatchHost,
    app: {
      board: Switchboard;
      functions: ReadonlyMap<string, HostFunction>;
      writer: CallWriter;
      traces: Traces;
    },
  ) {
    this.#calls = calls;
    this.#host = host;
    this.#board = app.board;
    this.#functions = app.functions;
    this.#writer = app.writer;
    this.#traces = app.traces;
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

  /** The guest's `next`: settles what it reports and begins what follows. */
  next(report: readonly unknown[]): string | undefined {
    if (this.inProgress) this.#report(report);
    if (this.retry || this.isDone || !this.#follows(this.call)) return undefined;
    return this.#begin(this.call);
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
    if (report[0] === outcome.response && !this.#board.overflowed) {
      this.#respond(report);
      return;
    }
    if (report[0] !== outcome.failure) {
      this.fail(messages.threw, stackOverflow, 'stack');
      return;
    }
    const failure = failureOf(report, this.#board.log);
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
    return { ...failure, detail: { ...detail, trace: this.#traces.explain(detail.trace) } };
  }

  #respond(report: readonly unknown[]): void {
    const found = responseOf(report, this.#board.log);
    if (!found) {
      this.fail('Invalid endpoint function return value (header type).');
      return;
    }
    const { response, writesFrom } = found;
    if (response.body.length > limits.responseBytesMax) {
      this.fail(
        messages.threw,
        `the body has ${response.body.length} bytes: at most ${limits.responseBytesMax}`,
      );
      return;
    }
    try {
      this.#board.applyWrites(report, writesFrom);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.fail(messages.threw, `TypeError: ${error.message}`);
      return;
    }
    this.#settle(this.#board.sawTime ? { ...response, sawTime: true } : response);
  }

  #settle(result: Outcome): void {
    this.abandon();
    this.lastKind = result.kind;
    this.#host.settle(this.index++, result);
  }

  #begin(call: PendingCall): string {
    const tx = this.#host.begin(this.index);
    const context = call.mode === 'readwrite' ? 'application' : 'read-only application';
    const { world } = this.#host;
    this.#board.attach({ tx, context, reach: world, functions: this.#functions, access: this.#access });
    this.inProgress = true;
    const historical = call.historical ? JSON.stringify(this.#board.lend(call.historical)) : '';
    return this.#writer.write(call, context, historical);
  }
}

/** Whether a call may have failed only because what calls share is frozen. */
function isAboutFrozen(reason: string | undefined): boolean {
  if (reason === undefined) return false;
  return /^TypeError: (Cannot (add|assign|delete|define|redefine|freeze)|.* not extensible|.* read.?only)/.test(
    reason,
  );
}

import { type FunctionTable, installGlobals, pastState } from './globals.ts';
import { callHost } from './invoke.ts';
import { KvMap } from './kv-map.ts';
import { Linker } from './linker.ts';
import { freezeModules, freezeRealm } from './lockdown.ts';
import { outcome, type Port, type Primitive } from './port.ts';
import { boundArrays, watchPromises } from './promises.ts';
import { randomSource, tameRealm } from './realm.ts';
import { CallInput, type Plan, Request, RequestBody } from './request.ts';
import { failureOutcome, ResponseError, responseOutcome } from './response.ts';
import { Session } from './session.ts';
import { installTextCodec } from './text-codec.ts';
import { decodeValue, describeThrown, encodeValue } from './values.ts';

/** How a context is made. */
export interface GuestOptions {
  readonly isApp: boolean;
  /** The language is frozen: calls share it. */
  readonly frozen: boolean;
  /** Evaluate modules anew for each call. */
  readonly renew: boolean;
  /** The modules have asynchronous functions. */
  readonly asynchronous: boolean;
  readonly functions: FunctionTable;
  readonly logLinesMax: number;
  readonly logLineCharactersMax: number;
  readonly randomBytesPerCrossing: number;
  readonly writesPerOutcome: number;
  /** Array-like things longer than this are refused by what would walk them: it could not be interrupted. */
  readonly elementsMax: number;
  /** Stack to use up before app code begins, so that less than the engine's own limit is left: 8-byte slots. */
  readonly stackPadding: readonly number[];
  /** A promise is rejected before app code can leave one behind; see `Session.promise`. */
  readonly shielded: boolean;
}

/** The inhabitant of a context: takes calls from the host and answers them. */
export class Guest {
  readonly #port: Port;
  readonly #options: GuestOptions;
  readonly #session: Session;
  readonly #linker: Linker;
  readonly #plans = new Map<number, Plan>();
  /** JSON of callers by number. */
  readonly #callers = new Map<number, string>();
  /** Handlers by plan, where they never change. */
  readonly #handlers = new Map<number, (request: object) => unknown>();
  #pending = false;
  #outcome: Primitive[] | undefined;

  constructor(port: Port, options: GuestOptions) {
    this.#port = port;
    this.#options = options;
    this.#session = new Session(port, options.shielded);
    this.#linker = new Linker(
      (specifier, importer) => callHost(port, 'resolve', [specifier, importer]) as string,
      this.#session.turn,
    );
    tameRealm(
      this.#session,
      randomSource((count) => port.random(count), options.randomBytesPerCrossing),
    );
    installGlobals(this.#session, {
      isApp: options.isApp,
      functions: options.functions,
      lines: options.logLinesMax,
      characters: options.logLineCharactersMax,
    });
    installTextCodec();
    boundArrays(options.elementsMax);
    if (options.isApp) watchPromises(this.#session);
    if (options.frozen) freezeRealm([KvMap, Request, RequestBody]);
  }

  define(key: string, shape: string, factory: unknown): void {
    this.#linker.define(key, JSON.parse(shape), factory as never);
  }

  /**
   * Evaluates modules to see whether they can be shared, frozen with all they made. Answers why not; an empty
   * text when they can.
   */
  settleModules(keys: string): string {
    this.#linker.forget();
    try {
      for (const key of JSON.parse(keys) as string[]) this.#linker.load(key);
      return freezeModules(this.#linker.values()) ?? '';
    } catch (error) {
      this.#linker.forget();
      return describeThrown(error).reason;
    }
  }

  /**
   * Answers a call, and those that the host has after it. Without one it comes back to a call that it left to its promises,
   * whose microtasks have run. Microtasks run when an entry ends: one of a call that an entry began with, of that call;
   * and one that an earlier call left behind unseen, of no call, since calls after it that make promises are not gone on
   * with here.
   */
  run(call: string): void {
    const session = this.#session;
    if (this.#options.asynchronous) session.shieldEntry();
    let input: string | undefined = call === '' ? this.#port.next(...this.#resumed()) : call;
    for (let isFirst = call !== ''; input !== undefined; isFirst = false) {
      this.#answer(input);
      if (session.promised) {
        this.#pending = isFirst;
        if (!isFirst) session.end();
        return;
      }
      input = this.#port.next(...this.#close(this.#outcome as Primitive[]));
    }
    session.lowerEntryShield();
  }

  /** What came of the call that was left to its promises. */
  #resumed(): Primitive[] {
    // It found not even room on the stack to begin.
    if (!this.#pending) return [outcome.none];
    this.#pending = false;
    const unsettled = () => failureOutcome(new Error('The promise the handler returned never settles'));
    return this.#close(this.#outcome ?? unsettled());
  }

  /**
   * Calls app code with no more stack left than it may have: arguments lie on the stack, eight bytes each,
   * whatever the optimiser does. The host, which shares the stack, is never called from here to settle a call.
   */
  #padded<T>(work: () => T): T {
    let padded = work;
    for (const slots of this.#options.stackPadding) {
      const inner = padded;
      const padding = new Array(slots).fill(0);
      padded = () => Reflect.apply(inner, undefined, padding) as T;
    }
    return padded();
  }

  #answer(text: string): void {
    const session = this.#session;
    this.#outcome = undefined;
    const input = new CallInput(text);
    const plan = this.#plans.get(input.plan) ?? this.#learn(input.plan);
    session.begin(plan.context, input.now, input.plan, input.caller);
    if (input.historical !== '') session.historical = pastState(session, JSON.parse(input.historical));
    try {
      if (this.#options.stackPadding.length === 0) this.#call(plan, input);
      else this.#padded(() => this.#call(plan, input));
    } catch (error) {
      this.#outcome = failureOutcome(error);
    }
  }

  #call(plan: Plan, input: CallInput): void {
    const caller = this.#callers.get(input.caller) ?? this.#learnCaller(input.caller);
    const handler = this.#handlers.get(input.plan) ?? this.#handler(plan, input.plan);
    const result = handler(new Request(plan, input, caller));
    if (result instanceof Promise) this.#await(result);
    else this.#outcome = responseOutcome(result);
  }

  #learn(number: number): Plan {
    const plan = callHost(this.#port, 'plan', [number]) as Plan;
    if (this.#plans.size >= 1000) this.#plans.clear();
    this.#plans.set(number, plan);
    return plan;
  }

  #learnCaller(number: number): string {
    const text = callHost(this.#port, 'caller', [number]) as string;
    if (this.#callers.size >= 1000) this.#callers.clear();
    this.#callers.set(number, text);
    return text;
  }

  #handler(plan: Plan, number: number): (request: object) => unknown {
    const { module } = plan;
    if (this.#options.renew) this.#linker.forget();
    this.#linker.load(module);
    const handler = this.#linker.exported(module, plan.export);
    if (typeof handler !== 'function') {
      throw new ResponseError(`Module '${module}' exports no function named '${plan.export}'`);
    }
    if (this.#options.frozen && !this.#options.renew) {
      if (this.#handlers.size >= 1000) this.#handlers.clear();
      this.#handlers.set(number, handler as (request: object) => unknown);
    }
    return handler as (request: object) => unknown;
  }

  #await(promise: Promise<unknown>): void {
    const session = this.#session;
    session.promise();
    promise.then(
      (result) => {
        try {
          this.#outcome = responseOutcome(result);
        } catch (error) {
          this.#outcome = failureOutcome(error);
        }
      },
      (error) => {
        this.#outcome = failureOutcome(error);
      },
    );
  }

  /** Ends the call: its outcome, with what else the host must know. */
  #close(answer: Primitive[]): Primitive[] {
    const session = this.#session;
    let result = answer;
    if (result[0] === outcome.response) {
      try {
        const { applies, claims } = session;
        const writes = session.takeWrites(this.#options.writesPerOutcome);
        if (applies !== undefined || claims !== undefined) result.push(applies ?? null, claims ?? null);
        if (writes.length > 0) result = result.concat(writes);
        if (session.sawTime) result.push(null, null, null);
      } catch (error) {
        result = failureOutcome(error);
      }
    }
    if (result[0] === outcome.failure) session.tellAudiences();
    const log = session.takeLog();
    if (log !== '') this.#port.print(log);
    session.end();
    return result;
  }

  /**
   * One call of governance code; what came of it goes to `next`, as JSON. Returning it would not do: a promise
   * that the code left rejected takes the place of what is returned.
   */
  evaluate(context: string, now: number, key: string, name: string, args: string): void {
    this.#session.begin(context, now, -1, -1);
    this.#session.promise();
    this.#port.next(this.#padded(() => this.#evaluate(key, name, args)));
  }

  #evaluate(key: string, name: string, args: string): string {
    const session = this.#session;
    let answer: Record<string, unknown>;
    try {
      this.#linker.load(key);
      const called = this.#linker.exported(key, name);
      if (typeof called !== 'function') {
        answer = { kind: 'missing', message: `${key} exports no function named ${name}` };
      } else {
        const value = called(...(decodeValue(args) as unknown[]));
        session.flush();
        answer = { kind: 'returned', value: encodeValue(value) };
      }
    } catch (error) {
      answer = { kind: 'threw', ...describeThrown(error) };
    }
    const log = session.takeLog();
    session.end();
    return JSON.stringify({ ...answer, log });
  }

  /** Tells `next` names and parameter counts of exported functions, as JSON. */
  describe(key: string): void {
    this.#session.promise();
    let answer: Record<string, unknown>;
    try {
      this.#linker.load(key);
      const exported = this.#linker
        .exportedNames(key)
        .map((name) => [name, this.#linker.exported(key, name)] as const);
      const functions = exported.filter(([, value]) => typeof value === 'function');
      answer = { functions: functions.map(([name, value]) => [name, (value as () => void).length]) };
    } catch (error) {
      answer = describeThrown(error);
    }
    this.#port.next(JSON.stringify(answer));
  }
}

/** What of this file runs inside, see program.ts. */
export const guestProgram = [Guest];

import type { CallRequest, ExecutionContext, PendingCall } from '../call.ts';
import { limits } from '../limits.ts';
import { moduleKey } from '../modules/resolve.ts';
import type { Plan } from './guest/request.ts';

/** Numbers for things the guest is told once: it asks for those it does not know. */
class Numbered<T> {
  readonly #numbers = new Map<string, number>();
  readonly #things = new Map<number, T>();
  #next = 0;

  find(number: number): T | undefined {
    return this.#things.get(number);
  }

  numberOf(key: string, make: () => T): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#things.size >= limits.numberedMax) {
      this.#numbers.clear();
      this.#things.clear();
    }
    // Numbers are never used twice: a guest may remember one that is forgotten here.
    const number = this.#next++;
    this.#numbers.set(key, number);
    this.#things.set(number, make());
    return number;
  }
}

/** What calls have in common, and what is left of each to be sent. */
export class CallWriter {
  readonly #plans = new Numbered<Plan>();
  readonly #callers = new Numbered<string>();
  #lastCall: PendingCall | undefined;
  #lastPlan = 0;
  #lastCaller: unknown;
  #lastCallerNumber = -1;

  plan(number: unknown): Plan | undefined {
    return this.#plans.find(number as number);
  }

  caller(number: unknown): string | undefined {
    return this.#callers.find(number as number);
  }

  /** A call as the guest reads it; see guest/request.ts. */
  write(call: PendingCall, context: ExecutionContext, historical: string): string {
    const { query, path, hostname, headers, params, caller, body } = call.request;
    const headersText = JSON.stringify(headers);
    const paramsText = isEmpty(params) ? '' : JSON.stringify(params);
    const hostnameLength = hostname === null ? 0 : hostname.length + 1;
    return (
      `${this.#planOf(call, context)},${call.now},${this.#callerOf(caller)},${query.length},${path.length},` +
      `${hostnameLength},${headersText.length},${paramsText.length},${historical.length};` +
      `${query}${path}${hostname ?? ''}${headersText}${paramsText}${historical}${body}`
    );
  }

  #planOf(call: PendingCall, context: ExecutionContext): number {
    const last = this.#lastCall;
    if (last && isSameEndpoint(last, call)) return this.#lastPlan;
    const { module, export: name, request } = call;
    const { route, method } = request;
    const key = JSON.stringify([module, name, context, method, route]);
    const make = () => ({ module: moduleKey(module), export: name, context, route, method });
    this.#lastCall = call;
    this.#lastPlan = this.#plans.numberOf(key, make);
    return this.#lastPlan;
  }

  /** A caller is the same object for as long as its connection: its certificate is not written out each time. */
  #callerOf(caller: unknown): number {
    if (this.#lastCallerNumber >= 0 && caller === this.#lastCaller) return this.#lastCallerNumber;
    const text = textOfCaller(caller);
    this.#lastCaller = caller;
    this.#lastCallerNumber = this.#callers.numberOf(text, () => text);
    return this.#lastCallerNumber;
  }
}

function isSameEndpoint(a: PendingCall, b: PendingCall): boolean {
  if (a.module !== b.module || a.export !== b.export || a.mode !== b.mode) return false;
  return a.request.route === b.request.route && a.request.method === b.request.method;
}

function isEmpty(params: CallRequest['params']): boolean {
  for (const name in params) if (Object.hasOwn(params, name)) return false;
  return true;
}

const texts = new WeakMap<object, string>();

function textOfCaller(caller: unknown): string {
  if (typeof caller !== 'object' || caller === null) return JSON.stringify(caller) ?? 'null';
  const known = texts.get(caller);
  if (known !== undefined) return known;
  const text = JSON.stringify(caller);
  texts.set(caller, text);
  return text;
}

import type { CallRequest, ExecutionContext, PendingCall } from '../call.ts';
import { limits } from '../limits.ts';
import { moduleKey } from '../modules/resolve.ts';
import type { Plan } from './guest/request.ts';

/** What is constant of each endpoint, by number; the guest asks for a number it does not know. */
export class Plans {
  readonly #numbers = new Map<string, number>();
  readonly #plans = new Map<number, Plan>();
  #next = 0;

  numberOf({ module, export: name, request }: PendingCall, context: ExecutionContext): number {
    const key = `${module} ${name} ${context} ${request.method} ${request.route}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#plans.size >= limits.plansMax) {
      this.#numbers.clear();
      this.#plans.clear();
    }
    const { route, method } = request;
    // Numbers are never used twice: a guest may remember one that is forgotten here.
    const number = this.#next++;
    this.#numbers.set(key, number);
    this.#plans.set(number, { module: moduleKey(module), export: name, context, route, method });
    return number;
  }

  find(number: unknown): Plan | undefined {
    return this.#plans.get(number as number);
  }
}

/** A call as the guest reads it; see guest/request.ts. */
export function encodeCall(call: PendingCall, plan: number, historical: string): string {
  const { query, path, hostname, headers, params, caller, body } = call.request;
  const headersText = JSON.stringify(headers);
  const paramsText = isEmpty(params) ? '' : JSON.stringify(params);
  const callerText = encodeCaller(caller);
  const hostnameLength = hostname === null ? -1 : hostname.length;
  return (
    `${plan},${call.now},${query.length},${path.length},${hostnameLength},${headersText.length},` +
    `${paramsText.length},${callerText.length},${historical.length};` +
    `${query}${path}${hostname ?? ''}${headersText}${paramsText}${callerText}${historical}${body}`
  );
}

function isEmpty(params: CallRequest['params']): boolean {
  for (const name in params) if (Object.hasOwn(params, name)) return false;
  return true;
}

const texts = new WeakMap<object, string>();

/** A caller is the same object for as long as its connection: its certificate is not written out each time. */
function encodeCaller(caller: unknown): string {
  if (typeof caller !== 'object' || caller === null) return JSON.stringify(caller) ?? 'null';
  const known = texts.get(caller);
  if (known !== undefined) return known;
  const text = JSON.stringify(caller);
  texts.set(caller, text);
  return text;
}

import type { Session } from './session.ts';

/**
 * Has the session told before app code can make a promise without the word `async`: by the global `Promise`,
 * by compiling text, or by the few library functions that make one.
 */
export function watchPromises(session: Session): void {
  for (const name of ['Promise', 'eval', 'AsyncDisposableStack']) watchGlobal(session, name);
  for (const sample of [() => {}, function* () {}]) watchCompiler(session, sample);
  const fromAsync = Reflect.get(Array, 'fromAsync') as () => unknown;
  Object.defineProperty(Array, 'fromAsync', {
    value(this: unknown, ...args: unknown[]) {
      session.promise();
      return Reflect.apply(fromAsync, this, args);
    },
  });
}

function watchGlobal(session: Session, name: string): void {
  const value = Reflect.get(globalThis, name) as unknown;
  if (value === undefined) return;
  const get = () => {
    session.promise();
    return value;
  };
  const set = (replacement: unknown) => {
    if (name === 'Promise') session.turn.Promise = replacement;
    Object.defineProperty(globalThis, name, { value: replacement, writable: true, configurable: true });
  };
  Object.defineProperty(globalThis, name, { get, set, configurable: true });
}

/** Replaces the constructor that compiles functions of a kind by one that tells first. */
function watchCompiler(session: Session, sample: object): void {
  const prototype = Object.getPrototypeOf(sample) as object;
  const compile = prototype.constructor;
  const watched = function (...source: unknown[]): unknown {
    session.promise();
    return Reflect.construct(compile, source, new.target ?? compile);
  };
  Object.defineProperty(watched, 'name', { value: compile.name });
  Object.defineProperty(watched, 'prototype', { value: compile.prototype, writable: false });
  Object.defineProperty(prototype, 'constructor', { value: watched, writable: true, configurable: true });
  if (compile === Function) {
    Object.defineProperty(globalThis, 'Function', { value: watched, writable: true, configurable: true });
  }
}

/**
 * The library walks array-likes of any length without looking up, 2^53 steps of a loop that no time limit can
 * end. What holds elements is bounded by memory; this bounds what only claims to.
 */
export function boundArrays(elementsMax: number): void {
  const names =
    'concat copyWithin every fill filter find findIndex findLast findLastIndex flat flatMap forEach includes ' +
    'indexOf join lastIndexOf map reduce reduceRight reverse shift slice some sort splice toLocaleString ' +
    'toReversed toSorted toSpliced toString unshift with';
  for (const name of names.split(' ')) boundMethod(Array.prototype, name, elementsMax);
  boundFirst(Array, 'from', elementsMax, (from) => from);
  boundFirst(String, 'raw', elementsMax, (template) => (template as { raw?: unknown } | undefined)?.raw);
}

function requireBounded(value: unknown, elementsMax: number): void {
  const length = Number((value as { length?: unknown } | null | undefined)?.length);
  if (length > elementsMax) {
    throw new RangeError(`Array-like of ${length} elements: at most ${elementsMax} can be walked`);
  }
}

function boundMethod(owner: object, name: string, elementsMax: number): void {
  const original = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
  if (typeof original !== 'function') return;
  // A method, so that it cannot be constructed, named as what it stands for.
  const { [name]: bounded } = {
    [name](this: { length: number }, ...args: unknown[]): unknown {
      if (!(this.length <= elementsMax)) requireBounded(this, elementsMax);
      return Reflect.apply(original, this, args);
    },
  };
  Object.defineProperty(bounded, 'length', { value: original.length });
  Object.defineProperty(owner, name, { value: bounded, writable: true, configurable: true });
}

function boundFirst(
  owner: object,
  name: string,
  elementsMax: number,
  walked: (first: unknown) => unknown,
): void {
  const original = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
  const { [name]: bounded } = {
    [name](this: unknown, ...args: unknown[]): unknown {
      requireBounded(walked(args[0]), elementsMax);
      return Reflect.apply(original, this, args);
    },
  };
  Object.defineProperty(bounded, 'length', { value: original.length });
  Object.defineProperty(owner, name, { value: bounded, writable: true, configurable: true });
}

/** What of this file runs inside, see program.ts. */
export const promisesProgram = [
  watchPromises,
  watchGlobal,
  watchCompiler,
  boundArrays,
  requireBounded,
  boundMethod,
  boundFirst,
];

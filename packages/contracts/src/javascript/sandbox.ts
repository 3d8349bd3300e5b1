import { limits as bounds, type Limits } from '../limits.ts';
import type { LinkedModule } from '../modules/link.ts';
import type { GuestOptions } from './guest/guest.ts';
import type { Port } from './guest/port.ts';
import type { Switchboard } from './switchboard.ts';

/** Where modules are compiled and contexts are opened: an isolate with limits, or none of that for a debugger. */
export interface Sandbox extends Disposable {
  readonly isAlive: boolean;
  /** Compiles a module, once. Throws ContractError for text that V8 does not take. */
  compile(module: LinkedModule): void;
  /** No context will be opened with this module any more. */
  forget(module: LinkedModule): void;
  /** A fresh context with modules in it, compiled here before. */
  open(
    options: SandboxOptions,
    modules: readonly LinkedModule[],
    board: Switchboard,
    next: Next,
  ): Compartment;
}

/** A context with its guest. */
export interface Compartment {
  /** Calls a method of the guest under the time limit. */
  enter(method: GuestMethod, args?: readonly unknown[]): Entry;
  release(): void;
}

/** Makes sandboxes with these limits. */
export type MakeSandbox = (limits: Limits) => Sandbox;

/** What of a guest is called from outside. */
export type GuestMethod = 'run' | 'settleModules' | 'evaluate' | 'describe';

/** How an entry into a context ended. */
export type Entry =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'time' | 'heap' };

/** Gives the next call; see `Port.next`. */
export type Next = (report: readonly unknown[]) => string | undefined;

/** How a context differs from others. */
export type SandboxOptions = Pick<GuestOptions, 'isApp' | 'frozen' | 'renew' | 'asynchronous' | 'functions'>;

/** The options of a guest. */
export function guestOptions(
  options: SandboxOptions,
  limits: Limits,
  walls: Pick<GuestOptions, 'stackPadding' | 'shielded'>,
): GuestOptions {
  return {
    ...options,
    ...walls,
    elementsMax: Math.max(1, Math.floor(limits.maxHeapBytes / 8)),
    logLinesMax: bounds.logLinesMax,
    logLineCharactersMax: bounds.logLineCharactersMax,
    randomBytesPerCrossing: bounds.randomBytesPerCrossing,
    writesPerOutcome: bounds.writesPerOutcome,
  };
}

/** The host as a guest calls it. */
export function portOf(
  board: Switchboard,
  next: Next,
): Readonly<Record<keyof Port, (...args: readonly unknown[]) => unknown>> {
  return {
    next: (...report) => next(report),
    read: (what, state, map, key) => board.read(what, state, map, key),
    write: (...writes) => board.write(...writes),
    scan: (state, map, options) => board.scan(state, map, options),
    rows: (scan) => board.rows(scan),
    invoke: (name, args) => board.invoke(name, args),
    random: (count) => board.random(count),
    print: (log) => board.print(log),
  };
}

/** What a guest is told of a module beside its factory: key, and how it is linked, as JSON. */
export function definitionOf({ key, dependencies, exports, stars }: LinkedModule): readonly [string, string] {
  return [key, JSON.stringify({ dependencies, exports, stars })];
}

import { type Context, constants, createContext, Script } from 'node:vm';
import { ContractError } from '../errors.ts';
import { portFunctions, programName, programText } from '../javascript/program.ts';
import {
  type Compartment,
  definitionOf,
  type Entry,
  type GuestMethod,
  guestOptions,
  type Next,
  portOf,
  type Sandbox,
  type SandboxOptions,
} from '../javascript/sandbox.ts';
import type { Switchboard } from '../javascript/switchboard.ts';
import type { Limits } from '../limits.ts';
import type { LinkedModule } from '../modules/link.ts';

type Guest = Readonly<Record<GuestMethod | 'define', (...args: readonly unknown[]) => unknown>>;

/**
 * A sandbox without walls: contracts run in contexts of the process's own isolate, where its debugger and its coverage see
 * them. They have all the rest of a sandbox, but no limit of memory, and can get out: for an author's own code on an
 * author's own machine, and for nothing else.
 */
export function openSandbox(limits: Limits, hasTimeLimit: boolean): Sandbox {
  hearRejections();
  return new OpenSandbox(limits, hasTimeLimit);
}

let isHearing = false;

/** A promise that a contract leaves behind, rejected, ends the entry into an isolate; here it would end the process. */
function hearRejections(): void {
  if (isHearing) return;
  isHearing = true;
  process.on('unhandledRejection', (reason, promise) => {
    // Those of a context are of its own kind of promise.
    if (promise instanceof Promise) throw reason;
  });
}

class OpenSandbox implements Sandbox {
  isAlive = true;
  readonly #limits: Limits;
  readonly #timeoutMs: number | undefined;
  readonly #program = new Script(programText(), { filename: programName });
  readonly #scripts = new Map<LinkedModule, Script>();

  constructor(limits: Limits, hasTimeLimit: boolean) {
    this.#limits = limits;
    this.#timeoutMs = hasTimeLimit ? Math.max(1, limits.maxExecutionTimeMs) : undefined;
  }

  compile(module: LinkedModule): void {
    if (this.#scripts.has(module)) return;
    try {
      this.#scripts.set(module, new Script(module.text, { filename: module.key }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ContractError('ModuleSyntax', `${module.key}: ${message}`, { module: module.key });
    }
  }

  forget(module: LinkedModule): void {
    this.#scripts.delete(module);
  }

  open(
    options: SandboxOptions,
    modules: readonly LinkedModule[],
    board: Switchboard,
    next: Next,
  ): Compartment {
    const context = createContext(constants.DONT_CONTEXTIFY, { microtaskMode: 'afterEvaluate' });
    const functions = portOf(board, next);
    const setUp = this.#program.runInContext(context) as (...args: readonly unknown[]) => Guest;
    const walls = { stackPadding: [], shielded: false };
    const given = JSON.stringify(guestOptions(options, this.#limits, walls));
    const guest = setUp(...portFunctions.map((name) => functions[name]), given);
    for (const module of modules) {
      guest.define(...definitionOf(module), this.#scripts.get(module)?.runInContext(context));
    }
    return new OpenCompartment(context, guest, this.#timeoutMs);
  }

  [Symbol.dispose](): void {
    this.isAlive = false;
  }
}

// Microtasks run out only after a script, and a time limit holds only for one. What it calls is in a variable of scripts,
// which is no property of anything that could be frozen.
const prepareScript = new Script('let $entering; (next) => { $entering = next; };', {
  filename: programName,
});
const enterScript = new Script('$entering();', { filename: programName });

class OpenCompartment implements Compartment {
  readonly #context: Context;
  readonly #guest: Guest;
  readonly #timeoutMs: number | undefined;
  readonly #prepare: (next: () => unknown) => void;

  constructor(context: Context, guest: Guest, timeoutMs: number | undefined) {
    this.#context = context;
    this.#guest = guest;
    this.#timeoutMs = timeoutMs;
    this.#prepare = prepareScript.runInContext(context) as (next: () => unknown) => void;
  }

  enter(method: GuestMethod, args: readonly unknown[] = []): Entry {
    this.#prepare(() => this.#guest[method](...args));
    try {
      const timeout = this.#timeoutMs === undefined ? {} : { timeout: this.#timeoutMs };
      return { kind: 'returned', value: enterScript.runInContext(this.#context, timeout) };
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return { kind: 'time' };
      return { kind: 'returned', value: undefined };
    }
  }

  release(): void {
    this.#prepare(() => undefined);
  }
}

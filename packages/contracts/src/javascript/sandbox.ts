import ivm from 'isolated-vm';
import { ContractError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { limits as bounds } from '../limits.ts';
import type { LinkedModule } from '../modules/link.ts';
import type { GuestOptions } from './guest/guest.ts';
import type { Port } from './guest/port.ts';
import { portFunctions, programName, programText } from './program.ts';
import type { Switchboard } from './switchboard.ts';

/** What a sandbox must be told of the process it is in. */
export interface Surroundings {
  /** Stack that V8 grants, in bytes: its flag `--stack-size`, which is in KiB. */
  readonly stackBytes: number;
}

/** How an entry into the isolate ended. */
export type Entry =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'time' | 'heap' };

/** Gives the next call; see `Port.next`. */
export type Next = (...outcome: readonly unknown[]) => string | undefined;

const mebibyte = 1024 * 1024;

/** One V8 isolate with its limits, and contexts in it. Lives until a limit is hit or it is disposed of. */
export class Sandbox implements Disposable {
  readonly #limits: Limits;
  readonly #surroundings: Surroundings;
  readonly #isolate: ivm.Isolate;
  readonly #program: ivm.Script;
  /** Held so that it stays allocated. */
  protected ballast: unknown;

  constructor(limits: Limits, surroundings: Surroundings) {
    this.#limits = limits;
    this.#surroundings = surroundings;
    const wanted = limits.maxHeapBytes + bounds.sandboxHeapBytes;
    const memoryLimit = Math.ceil(Math.max(wanted, bounds.heapBytesFloor) / mebibyte);
    this.#isolate = new ivm.Isolate({ memoryLimit });
    this.#program = this.#isolate.compileScriptSync(programText(), { filename: programName });
    if (wanted < bounds.heapBytesFloor) this.#fill(bounds.heapBytesFloor - wanted);
  }

  get isAlive(): boolean {
    return !this.#isolate.isDisposed;
  }

  /** A fresh context with modules in it. */
  open(
    options: SandboxOptions,
    modules: readonly CompiledModule[],
    board: Switchboard,
    next: Next,
  ): Compartment {
    const context = this.#isolate.createContextSync();
    // Arrow functions: `Callback` wants a name, which bound functions lack.
    const functions: Readonly<Record<keyof Port, (...args: readonly unknown[]) => unknown>> = {
      next: (...report) => next(...report),
      read: (what, state, map, key) => board.read(what, state, map, key),
      write: (...writes) => board.write(...writes),
      scan: (state, map, options) => board.scan(state, map, options),
      rows: (scan) => board.rows(scan),
      invoke: (name, args) => board.invoke(name, args),
      random: (count) => board.random(count),
      print: (log) => board.print(log),
    };
    const setUp = this.#program.runSync(context, { reference: true }) as unknown as ivm.Reference;
    const port = portFunctions.map((name) => new ivm.Callback(functions[name]));
    const guest = setUp.applySync(
      undefined,
      [...port, JSON.stringify(this.#guestOptions(options))] as never,
      {
        result: { reference: true },
      },
    ) as ivm.Reference;
    const compartment = new Compartment(context, guest, this.#limits.maxExecutionTimeMs);
    for (const { module, script } of modules) compartment.define(module, script);
    return compartment;
  }

  /** Throws ContractError for text that V8 does not take. */
  compile(module: LinkedModule): CompiledModule {
    try {
      return { module, script: this.#isolate.compileScriptSync(module.text, { filename: module.key }) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ContractError('ModuleSyntax', `${module.key}: ${message}`, { module: module.key });
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isolate.isDisposed) this.#isolate.dispose();
  }

  /** V8 does not make heaps smaller than a floor: the rest is taken by memory that is never touched. */
  #fill(bytes: number): void {
    const context = this.#isolate.createContextSync();
    this.ballast = context.evalClosureSync(
      'const ballast = new ArrayBuffer($0); return () => ballast',
      [bytes],
      {
        result: { reference: true },
      },
    );
  }

  #guestOptions(options: SandboxOptions): GuestOptions {
    const { stackBytes } = this.#surroundings;
    const spare = stackBytes - Math.max(this.#limits.maxStackBytes, bounds.stackBytesFloor);
    const stackPadding: number[] = [];
    for (let slots = Math.floor(spare / 8); slots > 0; slots -= bounds.paddingSlots) {
      stackPadding.push(Math.min(slots, bounds.paddingSlots));
    }
    return {
      ...options,
      stackPadding,
      elementsMax: Math.max(1, Math.floor(this.#limits.maxHeapBytes / 8)),
      logLinesMax: bounds.logLinesMax,
      logLineCharactersMax: bounds.logLineCharactersMax,
      randomBytesPerCrossing: bounds.randomBytesPerCrossing,
      writesPerOutcome: bounds.writesPerOutcome,
    };
  }
}

/** How a context differs from others. */
export type SandboxOptions = Pick<GuestOptions, 'isApp' | 'frozen' | 'renew' | 'asynchronous' | 'functions'>;

/** A module compiled in one isolate. */
export interface CompiledModule {
  readonly module: LinkedModule;
  readonly script: ivm.Script;
}

/** A context with its guest. */
export class Compartment {
  readonly #context: ivm.Context;
  readonly #methods: Readonly<Record<string, ivm.Reference>>;
  readonly #timeoutMs: number;

  constructor(context: ivm.Context, guest: ivm.Reference, timeoutMs: number) {
    this.#context = context;
    this.#timeoutMs = Math.min(Math.max(timeoutMs, 1), bounds.executionTimeMsMax);
    const names = ['define', 'settleModules', 'run', 'evaluate', 'describe'];
    this.#methods = Object.fromEntries(
      names.map((name) => [name, guest.getSync(name, { reference: true }) as ivm.Reference]),
    );
  }

  define(module: LinkedModule, script: ivm.Script): void {
    const factory = script.runSync(this.#context, { reference: true }) as unknown as ivm.Reference;
    const args = [module.key, JSON.stringify(module.dependencies), factory.derefInto()];
    (this.#methods.define as ivm.Reference).applySync(undefined, args as never);
  }

  /** Calls a method of the guest under the time limit. */
  enter(method: 'run' | 'settleModules' | 'evaluate' | 'describe', args: readonly unknown[] = []): Entry {
    try {
      const value = (this.#methods[method] as ivm.Reference).applySync(undefined, args as never, {
        timeout: this.#timeoutMs,
      });
      return { kind: 'returned', value };
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      if (message === 'Script execution timed out.') return { kind: 'time' };
      if (message.startsWith('Isolate was disposed') || message === 'Isolate is disposed')
        return { kind: 'heap' };
      // A promise rejected with nobody to handle it: the guest's shield, or what stood behind it.
      return { kind: 'returned', value: undefined };
    }
  }

  release(): void {
    this.#context.release();
  }
}

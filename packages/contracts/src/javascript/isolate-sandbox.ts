import ivm from 'isolated-vm';
import { ContractError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { limits as bounds } from '../limits.ts';
import type { LinkedModule } from '../modules/link.ts';
import { portFunctions, programName, programText } from './program.ts';
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
} from './sandbox.ts';
import type { Switchboard } from './switchboard.ts';
import { Watchdog } from './watchdog.ts';

const mebibyte = 1024 * 1024;

/** Finds by halving how many arguments, eight bytes each, the stack still holds. */
const measureStack = `
  const most = $0;
  const push = (slots) => {
    const here = Math.min(slots, most);
    Reflect.apply(function () { if (slots > here) push(slots - here); }, undefined, new Array(here).fill(0));
  };
  let room = 0;
  for (let step = 1 << 20; step >= 64; step >>= 1) {
    try {
      push(room + step);
      room += step;
    } catch {}
  }
  return room;`;

/** One V8 isolate with its limits, and contexts in it. Lives until a limit is hit or it is disposed of. */
export class IsolateSandbox implements Sandbox {
  readonly #limits: Limits;
  readonly #isolate: ivm.Isolate;
  readonly #watchdog: Watchdog;
  readonly #program: ivm.Script;
  readonly #tools: ivm.Context;
  readonly #scripts = new Map<LinkedModule, ivm.Script>();
  #stackPadding: number[] | undefined;
  /** Held so that it stays allocated. */
  protected ballast: unknown;

  constructor(limits: Limits) {
    this.#limits = limits;
    const wanted = limits.maxHeapBytes + bounds.sandboxHeapBytes;
    const memoryLimit = Math.ceil(Math.max(wanted, bounds.heapBytesFloor) / mebibyte);
    this.#isolate = new ivm.Isolate({ memoryLimit });
    const limitMs = Math.min(Math.max(limits.maxExecutionTimeMs, 1), bounds.executionTimeMsMax);
    this.#watchdog = new Watchdog(this.#isolate, limitMs);
    this.#program = this.#isolate.compileScriptSync(programText(), { filename: programName });
    this.#tools = this.#isolate.createContextSync();
  }

  get isAlive(): boolean {
    return !this.#isolate.isDisposed;
  }

  open(
    options: SandboxOptions,
    modules: readonly LinkedModule[],
    board: Switchboard,
    next: Next,
  ): Compartment {
    const context = this.#isolate.createContextSync();
    const functions = portOf(board, next);
    const setUp = this.#program.runSync(context, { reference: true }) as unknown as ivm.Reference;
    const port = portFunctions.map((name) => new ivm.Callback(functions[name]));
    const walls = { stackPadding: this.#padding(), shielded: true };
    const given = JSON.stringify(guestOptions(options, this.#limits, walls));
    const guest = setUp.applySync(undefined, [...port, given] as never, {
      result: { reference: true },
    }) as ivm.Reference;
    const compartment = new IsolateCompartment(context, guest, this.#watchdog);
    for (const module of modules) compartment.define(module, this.#scripts.get(module) as ivm.Script);
    if (!this.ballast) this.#fill();
    return compartment;
  }

  compile(module: LinkedModule): void {
    if (this.#scripts.has(module)) return;
    try {
      this.#scripts.set(module, this.#isolate.compileScriptSync(module.text, { filename: module.key }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ContractError('ModuleSyntax', `${module.key}: ${message}`, { module: module.key });
    }
  }

  forget(module: LinkedModule): void {
    this.#scripts.delete(module);
  }

  [Symbol.dispose](): void {
    this.#watchdog[Symbol.dispose]();
    if (!this.#isolate.isDisposed) this.#isolate.dispose();
  }

  /**
   * V8 grants more than it is asked for, and does not make small heaps at all: what is beyond the limit, counted
   * from what the sandbox itself uses, is taken by memory that is never touched.
   */
  #fill(): void {
    // Asking for what cannot be had makes V8 collect, so that what is used is what lives.
    const collect = 'try { new ArrayBuffer($0); } catch {}';
    const impossible = 2 * (this.#limits.maxHeapBytes + bounds.heapBytesFloor);
    if (this.#limits.maxHeapBytes < bounds.smallHeapBytes) this.#tools.evalClosureSync(collect, [impossible]);
    const heap = this.#isolate.getHeapStatisticsSync();
    const used = heap.used_heap_size + heap.externally_allocated_size;
    const beyond = Math.max(0, heap.heap_size_limit - used - this.#limits.maxHeapBytes);
    const source = 'const ballast = new ArrayBuffer($0); return () => ballast';
    this.ballast = this.#tools.evalClosureSync(source, [beyond], { result: { reference: true } });
  }

  /**
   * V8's limit of the stack holds for the whole process. A lower one is made by using up the rest on entry; how
   * much there is depends on where the host stands, so it is measured.
   */
  #padding(): number[] {
    if (this.#stackPadding) return this.#stackPadding;
    const room = Number(this.#tools.evalClosureSync(measureStack, [bounds.paddingSlots]));
    const slots = room - Math.floor((this.#limits.maxStackBytes + bounds.sandboxStackBytes) / 8);
    this.#stackPadding = [];
    for (let rest = slots; rest > 0; rest -= bounds.paddingSlots) {
      this.#stackPadding.push(Math.min(rest, bounds.paddingSlots));
    }
    return this.#stackPadding;
  }
}

class IsolateCompartment implements Compartment {
  readonly #context: ivm.Context;
  readonly #methods: Readonly<Record<string, ivm.Reference>>;
  readonly #watchdog: Watchdog;

  constructor(context: ivm.Context, guest: ivm.Reference, watchdog: Watchdog) {
    this.#context = context;
    this.#watchdog = watchdog;
    const names = ['define', 'settleModules', 'run', 'evaluate', 'describe'];
    this.#methods = Object.fromEntries(
      names.map((name) => [name, guest.getSync(name, { reference: true }) as ivm.Reference]),
    );
  }

  define(module: LinkedModule, script: ivm.Script): void {
    const factory = script.runSync(this.#context, { reference: true }) as unknown as ivm.Reference;
    const args = [...definitionOf(module), factory.derefInto()];
    (this.#methods.define as ivm.Reference).applySync(undefined, args as never);
  }

  enter(method: GuestMethod, args: readonly unknown[] = []): Entry {
    this.#watchdog.begin();
    const entry = this.#enter(method, args);
    return this.#watchdog.end() ? entry : { kind: 'time' };
  }

  #enter(method: GuestMethod, args: readonly unknown[]): Entry {
    try {
      const value = (this.#methods[method] as ivm.Reference).applySync(undefined, args as never);
      return { kind: 'returned', value };
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
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

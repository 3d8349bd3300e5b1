import type { BatchHost, HostFunction, Modules, PendingCall } from '../call.ts';
import type { App } from '../engine.ts';
import { ContractError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { LinkedModule } from '../modules/link.ts';
import { linkAll } from '../modules/link-all.ts';
import { moduleKey } from '../modules/resolve.ts';
import { appFunctions, type Borrowed } from './app-functions.ts';
import { Batch, type BatchParts, endpointOf } from './batch.ts';
import { CallWriter } from './call-input.ts';
import { IsolateSandbox } from './isolate-sandbox.ts';
import { messages } from './outcome.ts';
import type { Compartment, MakeSandbox, Sandbox, SandboxOptions } from './sandbox.ts';
import { NumberedLists, Switchboard } from './switchboard.ts';
import { Traces } from './trace.ts';

/**
 * How much a call shares with others. `shared`: frozen language and frozen modules, evaluated once; for apps
 * whose modules provably keep no state. `renewed`: frozen language, modules evaluated for each call. `fresh`:
 * a context of its own, for a call that changes the language itself.
 */
type Level = 'shared' | 'renewed' | 'fresh';

const below = { shared: 'renewed', renewed: 'fresh', fresh: undefined } as const;

/** An app in one isolate. The isolate is made anew after a limit was hit. */
export class JavaScriptApp implements App {
  readonly problems: ContractError[];

  readonly #limits: Limits;
  readonly #modules: ReadonlyMap<string, LinkedModule>;
  readonly #asynchronous: boolean;
  readonly #constant: boolean;
  readonly #lists = new NumberedLists();
  readonly #board = new Switchboard(this.#lists);
  readonly #parts: BatchParts;
  readonly #makeSandbox: MakeSandbox;
  /** Endpoints that were seen to need another level than the app's. */
  readonly #levels = new Map<string, Level>();
  /** Endpoints that made promises when they were last called. */
  readonly #promising = new Set<string>();
  #level: Level | undefined;
  #sandbox: Sandbox | undefined;
  #compiled: readonly LinkedModule[] = [];
  readonly #compartments = new Map<Level, Compartment>();
  /** By reuse key, least recently used first. */
  readonly #reused = new Map<string, Compartment>();
  #recentLane: string | undefined;
  #batch: Batch | undefined;
  #disposed = false;

  constructor(modules: Modules, limits: Limits, borrowed: Borrowed) {
    const { linked, problems } = linkAll(modules);
    this.problems = problems;
    this.#limits = limits;
    this.#modules = linked;
    this.#makeSandbox = borrowed.makeSandbox ?? ((wanted) => new IsolateSandbox(wanted));
    const all = [...linked.values()];
    this.#asynchronous = all.some((module) => module.asynchronous);
    this.#constant = all.every((module) => module.constant);
    const writer = new CallWriter();
    const functions = appFunctions({
      borrowed,
      board: this.#board,
      lists: this.#lists,
      writer,
      world: () => this.#batch?.world,
    });
    this.#parts = {
      board: this.#board,
      settling: new Switchboard(this.#lists),
      functions,
      writer,
      traces: new Traces(modules, borrowed.readSourceMap),
      blind: new Set(),
    };
  }

  execute(calls: readonly PendingCall[], host: BatchHost): void {
    if (this.#disposed) throw new ContractError('AppDisposed', 'the app was disposed of: install it again');
    const batch = new Batch(calls, host, this.#parts);
    this.#batch = batch;
    try {
      while (!batch.isDone) this.#run(batch);
    } finally {
      this.#batch = undefined;
      this.#board.detach();
      if (this.#disposed) this.#close();
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    // What a call commits may dispose of the very app it runs in: then the batch is run to its end.
    if (!this.#batch) this.#close();
  }

  #run(batch: Batch): void {
    const { call } = batch;
    const key = moduleKey(call.module);
    if (!this.#modules.has(key)) {
      batch.fail(`Module '${key}' could not be loaded`, this.#problemOf(key));
    } else if (call.reuseKey !== undefined) {
      const lane = laneOf(call) as string;
      this.#enter(batch, this.#reusedCompartment(lane), (other) => laneOf(other) === lane, false);
    } else {
      this.#runAt(batch, this.#levelOf(call));
    }
  }

  /** Runs the next call, and those after it that fit, at a level; lower when that is not low enough. */
  #runAt(batch: Batch, level: Level): void {
    const lower = below[level];
    const single = level === 'fresh';
    const follows = (other: PendingCall) =>
      !single && other.reuseKey === undefined && this.#levelOf(other) === level && this.#has(other);
    const compartment = single ? this.#open('fresh') : this.#compartment(level);
    this.#enter(batch, compartment, follows, lower !== undefined);
    if (single) compartment.release();
    if (!batch.retry || !lower) return;
    this.#retryBelow(batch, lower);
  }

  /** A call that failed on something frozen is believed to need less sharing once it works with less. */
  #retryBelow(batch: Batch, level: Level): void {
    const { call, index } = batch;
    const lower = below[level];
    const compartment = level === 'fresh' ? this.#open('fresh') : this.#compartment(level);
    this.#enter(batch, compartment, () => false, lower !== undefined);
    if (level === 'fresh') compartment.release();
    if (batch.retry && lower) {
      this.#retryBelow(batch, lower);
      return;
    }
    if (batch.index > index && batch.lastKind === 'response') this.#levels.set(endpointOf(call), level);
  }

  /**
   * Runs the next call, and those after it that follow, in one entry into a compartment. A call that makes promises has an
   * entry to begin with, and one more for what came of it.
   */
  #enter(
    batch: Batch,
    compartment: Compartment,
    follows: (call: PendingCall) => boolean,
    mayRetry: boolean,
  ): void {
    const first = batch.index;
    const endpoint = endpointOf(batch.call);
    const joins = (call: PendingCall) => !this.#promising.has(endpointOf(call)) && follows(call);
    let input = batch.open(joins, mayRetry);
    for (let isPromising = false; ; isPromising = true) {
      const entry = compartment.enter('run', [input]);
      this.#throwFault();
      batch.settleReported();
      if (entry.kind !== 'returned') {
        this.#close();
        // A call that was not alone in its entry may have been ended by what others used up: it runs again.
        if (!batch.inProgress || batch.index > first) batch.abandon();
        else if (entry.kind === 'time') batch.fail(messages.time, undefined, 'time');
        else batch.fail(messages.threw, 'out of memory', 'heap');
        return;
      }
      if (!batch.inProgress) {
        if (!isPromising) this.#promising.delete(endpoint);
        return;
      }
      if (batch.index > first) {
        this.#promising.add(endpointOf(batch.call));
        batch.abandon();
        return;
      }
      // Its microtasks have run out: the guest comes back, once, for the answer.
      if (isPromising) {
        batch.fail(messages.threw, 'the call did not end');
        this.#close();
        return;
      }
      this.#promising.add(endpoint);
      input = '';
    }
  }

  #throwFault(): void {
    const { fault } = this.#board;
    if (fault === undefined) return;
    this.#board.fault = undefined;
    this.#close();
    throw fault;
  }

  #has(call: PendingCall): boolean {
    return this.#modules.has(moduleKey(call.module));
  }

  #levelOf(call: PendingCall): Level {
    return this.#levels.get(endpointOf(call)) ?? this.#baseLevel();
  }

  /** Decided once, by evaluating the modules. */
  #baseLevel(): Level {
    if (this.#level) return this.#level;
    this.#level = 'renewed';
    if (!this.#constant) return this.#level;
    const compartment = this.#open('shared');
    const entry = compartment.enter('settleModules', [JSON.stringify([...this.#modules.keys()])]);
    this.#board.fault = undefined;
    if (entry.kind !== 'returned') this.#close();
    else if (entry.value === '') {
      this.#compartments.set('shared', compartment);
      this.#level = 'shared';
    } else compartment.release();
    return this.#level;
  }

  #compartment(level: Level): Compartment {
    this.#requireSandbox();
    const known = this.#compartments.get(level);
    if (known) return known;
    const compartment = this.#open(level);
    if (level === 'shared') compartment.enter('settleModules', [JSON.stringify([...this.#modules.keys()])]);
    this.#compartments.set(level, compartment);
    return compartment;
  }

  #reusedCompartment(lane: string): Compartment {
    this.#requireSandbox();
    const known = this.#reused.get(lane);
    if (known && lane === this.#recentLane) return known;
    this.#recentLane = lane;
    this.#reused.delete(lane);
    const compartment = known ?? this.#open(undefined);
    this.#reused.set(lane, compartment);
    for (const [oldest, idle] of this.#reused) {
      if (this.#reused.size <= Math.max(1, this.#limits.maxCachedInterpreters)) break;
      this.#reused.delete(oldest);
      idle.release();
    }
    return compartment;
  }

  /** A new context; of no level, one whose state stays. */
  #open(level: Level | undefined): Compartment {
    const frozen = level === 'shared' || level === 'renewed';
    const options: SandboxOptions = {
      isApp: true,
      frozen,
      renew: level === 'renewed',
      asynchronous: this.#asynchronous,
      functions: functionTable(this.#parts.functions),
    };
    const next = (report: readonly unknown[]) => this.#next(report);
    return this.#requireSandbox().open(options, this.#compiled, this.#board, next);
  }

  #next(report: readonly unknown[]): string | undefined {
    try {
      return this.#batch?.next(report);
    } catch (error) {
      this.#board.fault ??= error;
      return undefined;
    }
  }

  #requireSandbox(): Sandbox {
    if (this.#sandbox?.isAlive) return this.#sandbox;
    this.#close();
    const sandbox = this.#makeSandbox(this.#limits);
    this.#sandbox = sandbox;
    this.#compiled = [...this.#modules.values()].filter((module) => this.#compiles(sandbox, module));
    return sandbox;
  }

  /** V8 may refuse what the linker took; such a module is as broken as one that the linker refused. */
  #compiles(sandbox: Sandbox, module: LinkedModule): boolean {
    try {
      sandbox.compile(module);
      return true;
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      if (!this.problems.some((known) => known.module === module.key)) this.problems.push(error);
      return false;
    }
  }

  #close(): void {
    this.#compartments.clear();
    this.#reused.clear();
    this.#compiled = [];
    this.#sandbox?.[Symbol.dispose]();
    this.#sandbox = undefined;
  }

  #problemOf(key: string): string | undefined {
    return this.problems.find(({ module }) => module === key)?.message;
  }
}

/** Calls of one lane share an interpreter: same key, same right to write. */
function laneOf(call: PendingCall): string | undefined {
  return call.reuseKey === undefined
    ? undefined
    : `${call.reuseKey} (${call.mode === 'readwrite' ? 'rw' : 'ro'})`;
}

/** Where the guest installs host functions, and how they are called. */
export function functionTable(functions: ReadonlyMap<string, HostFunction>): SandboxOptions['functions'] {
  return [...functions]
    .filter(([name]) => name.startsWith('function:'))
    .map(([name, { arity, optional = 0 }]) => [name.slice('function:'.length), arity, optional]);
}

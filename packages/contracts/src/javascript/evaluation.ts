import type {
  EvaluationResult,
  EvaluationSource,
  EvaluationWorld,
  HostFunction,
  HostValue,
} from '../call.ts';
import { ContractError } from '../errors.ts';
import { limits as bounds, type Limits } from '../limits.ts';
import { LinkedBefore } from '../modules/linked-before.ts';
import { moduleKey } from '../modules/resolve.ts';
import { functionTable } from './app.ts';
import { type Borrowed, sharedFunctions } from './app-functions.ts';
import { decodeHostValue, encodeHostValue } from './codec.ts';
import { IsolateSandbox } from './isolate-sandbox.ts';
import { clip, limitOf, logOf, messages, stackOverflow } from './outcome.ts';
import type { Compartment, Sandbox } from './sandbox.ts';
import { Switchboard } from './switchboard.ts';

/** Evaluates governance code: a context of its own for each call, one isolate for as long as limits stay. */
export class Evaluator implements Disposable {
  readonly #borrowed: Borrowed;
  readonly #board = new Switchboard();
  readonly #modules = new LinkedBefore((module) => this.#sandbox?.forget(module));
  #sandbox: Sandbox | undefined;
  #limits: Limits | undefined;
  /** What the guest told of the evaluation in progress. */
  #told: unknown;
  #busy = false;
  /** For evaluations that a host function asks for while one is in progress: what it holds must stay as it is. */
  #inner: Evaluator | undefined;

  constructor(borrowed: Borrowed) {
    this.#borrowed = borrowed;
  }

  evaluate(
    source: EvaluationSource,
    exported: string,
    args: readonly HostValue[],
    world: EvaluationWorld,
    limits: Limits,
  ): EvaluationResult {
    return this.#whole((free) =>
      free === this
        ? this.#evaluate(source, exported, args, world, limits)
        : free.evaluate(source, exported, args, world, limits),
    );
  }

  #evaluate(
    source: EvaluationSource,
    exported: string,
    args: readonly HostValue[],
    world: EvaluationWorld,
    limits: Limits,
  ): EvaluationResult {
    const functions = this.#functionsOf(world);
    let opened: Compartment;
    try {
      opened = this.#open(source, limits, functions);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      return { kind: 'missing', message: error.message, log: [] };
    }
    const { tx, context, now } = world;
    this.#board.attach({ begin: () => tx, context, reach: world, functions });
    try {
      const input = [context, now, moduleKey(source.entry), exported, encodeHostValue(args)];
      const entry = opened.enter('evaluate', input);
      this.#throwFault();
      if (entry.kind === 'returned') return resultOf(this.#told);
      this.#close();
      const reason = entry.kind === 'time' ? messages.time : 'out of memory';
      return { kind: 'threw', failure: { reason }, limit: entry.kind, log: [] };
    } finally {
      this.#board.detach();
      if (this.#sandbox) opened.release();
    }
  }

  describe(source: EvaluationSource, limits: Limits): ReadonlyMap<string, number> {
    return this.#whole((free) =>
      free === this ? this.#describe(source, limits) : free.describe(source, limits),
    );
  }

  /** Gives the work to this evaluator, or to an inner one when this one is in the middle of something. */
  #whole<T>(work: (free: Evaluator) => T): T {
    if (this.#busy) {
      this.#inner ??= new Evaluator(this.#borrowed);
      return work(this.#inner);
    }
    this.#busy = true;
    try {
      return work(this);
    } finally {
      this.#busy = false;
    }
  }

  #describe(source: EvaluationSource, limits: Limits): ReadonlyMap<string, number> {
    const compartment = this.#open(source, limits, new Map());
    const entry = compartment.enter('describe', [moduleKey(source.entry)]);
    this.#throwFault();
    const told = entry.kind === 'returned' ? this.#told : undefined;
    if (typeof told !== 'string') {
      if (entry.kind !== 'returned') this.#close();
      throw new ContractError('ModuleSyntax', `${source.entry} cannot be evaluated: ${entry.kind}`);
    }
    const description = JSON.parse(told) as { functions?: [string, number][]; reason?: string };
    if (description.functions) return new Map(description.functions);
    throw new ContractError('ModuleSyntax', `${source.entry}: ${description.reason}`, {
      module: source.entry,
    });
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#inner?.[Symbol.dispose]();
    this.#inner = undefined;
  }

  #functionsOf(world: EvaluationWorld): ReadonlyMap<string, HostFunction> {
    const table = {
      ...sharedFunctions(this.#borrowed, (length) => world.random(length)),
      ...world.functions,
    };
    return new Map(Object.entries(table).map(([path, each]) => [`function:${path}`, each]));
  }

  #open(source: EvaluationSource, limits: Limits, functions: ReadonlyMap<string, HostFunction>): Compartment {
    this.#modules.trim();
    const linked = [...source.modules].map(([key, text]) => this.#modules.link(moduleKey(key), text));
    const sandbox = this.#sandboxFor(limits);
    const options = {
      isApp: false,
      frozen: false,
      renew: false,
      asynchronous: false,
      functions: functionTable(functions),
    };
    for (const module of linked) sandbox.compile(module);
    this.#told = undefined;
    return sandbox.open(options, linked, this.#board, (report) => {
      this.#told ??= report[0];
      return undefined;
    });
  }

  #sandboxFor(limits: Limits): Sandbox {
    const same = this.#limits && JSON.stringify(this.#limits) === JSON.stringify(limits);
    if (!same || !this.#sandbox?.isAlive) this.#close();
    this.#limits = limits;
    this.#sandbox ??= new IsolateSandbox(limits);
    return this.#sandbox;
  }

  #throwFault(): void {
    const { fault } = this.#board;
    if (fault === undefined) return;
    this.#board.fault = undefined;
    throw fault;
  }

  #close(): void {
    this.#sandbox?.[Symbol.dispose]();
    this.#sandbox = undefined;
  }
}

/** What the guest said, which is not believed. */
function resultOf(value: unknown): EvaluationResult {
  if (typeof value !== 'string')
    return { kind: 'threw', failure: { reason: stackOverflow }, limit: 'stack', log: [] };
  const told = JSON.parse(value) as Readonly<Record<string, unknown>>;
  const log = logOf(told.log);
  if (told.kind === 'returned') return { kind: 'returned', value: decodeHostValue(String(told.value)), log };
  if (told.kind === 'missing') return { kind: 'missing', message: String(told.message), log };
  const reason = clip(String(told.reason), bounds.reasonCharactersMax);
  const trace =
    typeof told.trace === 'string' ? { trace: clip(told.trace, bounds.traceCharactersMax) } : undefined;
  const limit = limitOf(reason);
  return { kind: 'threw', failure: { reason, ...trace }, ...(limit && { limit }), log };
}

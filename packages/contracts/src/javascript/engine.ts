import type { EvaluationResult, EvaluationSource, EvaluationWorld, HostValue, Modules } from '../call.ts';
import type { App, Engine } from '../engine.ts';
import { governanceLimits, limitsOf, type RuntimeOptions } from '../limits.ts';
import { JavaScriptApp } from './app.ts';
import type { Borrowed } from './app-functions.ts';
import { Evaluator } from './evaluation.ts';

/** What the process lends the engine. */
export type EngineOptions = Borrowed;

/**
 * V8 flags that the process must have been started with, or have set before the first engine is made. Without
 * the first, V8 may compile an endless loop in which no limit can interrupt it.
 */
export const requiredV8Flags = ['--no-turboshaft-loop-unrolling'] as const;

/** The JavaScript engine: contracts in V8 isolates. The process must run with `--no-node-snapshot`. */
export function createEngine(options: EngineOptions = {}): Engine {
  return new JavaScriptEngine(options);
}

class JavaScriptEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #evaluator: Evaluator;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#evaluator = new Evaluator(options);
  }

  install(modules: Modules, options?: RuntimeOptions): App {
    return new JavaScriptApp(modules, limitsOf(options), this.#options);
  }

  evaluate(
    source: EvaluationSource,
    exported: string,
    args: readonly HostValue[],
    world: EvaluationWorld,
    options?: RuntimeOptions,
  ): EvaluationResult {
    return this.#evaluator.evaluate(source, exported, args, world, governanceLimits(options));
  }

  exportedFunctions(source: EvaluationSource, options?: RuntimeOptions): ReadonlyMap<string, number> {
    return this.#evaluator.describe(source, governanceLimits(options));
  }

  [Symbol.dispose](): void {
    this.#evaluator[Symbol.dispose]();
  }
}

import type {
  BatchHost,
  EvaluationResult,
  EvaluationSource,
  EvaluationWorld,
  HostValue,
  Modules,
  PendingCall,
} from './call.ts';
import type { ContractError } from './errors.ts';
import type { RuntimeOptions } from './limits.ts';

/** Runs contract code. One per process. */
export interface Engine extends Disposable {
  /** Parses and links an app; what is wrong with it is told by `App.problems`. Throws for senseless limits. */
  install(modules: Modules, options?: RuntimeOptions): App;
  /**
   * One call of one exported function in a world of its own: constitutions and ballots. Promises are not
   * awaited. Limits are never below the built-in defaults.
   */
  evaluate(
    source: EvaluationSource,
    exported: string,
    args: readonly HostValue[],
    world: EvaluationWorld,
    options?: RuntimeOptions,
  ): EvaluationResult;
  /** The parameter counts of what a module exports as functions. Throws ContractError if it does not load. */
  exportedFunctions(source: EvaluationSource, options?: RuntimeOptions): ReadonlyMap<string, number>;
}

/** An installed app. */
export interface App extends Disposable {
  /** Modules that cannot be used, and why. Calls that need one fail; the others are served. */
  readonly problems: readonly ContractError[];
  /**
   * Executes calls in order. Each gets a transaction of its own when its turn comes and is settled before the
   * next begins, so that call i+1 sees what i committed. A call that fails or exceeds a limit is answered
   * alone; the others are run again.
   */
  execute(calls: readonly PendingCall[], host: BatchHost): void;
}

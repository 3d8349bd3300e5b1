import type { EvaluationResult, HostValue, LogLine } from '@coco/contracts';
import type { Tx } from '@coco/kv';
import type { GovernanceError } from '../errors.ts';
import { governanceLimits } from '../limits.ts';
import { runtimeOptions } from '../tables/application.ts';
import type { Failure } from '../tables/proposals.ts';
import type { GovernanceWorld } from '../world.ts';
import { hostFunctions } from './host.ts';
import { tableAccess } from './table-access.ts';

/** What governance code is run for. Only `apply` may write, and act on the node. */
export type Phase = 'validate' | 'ballot' | 'resolve' | 'apply';

/** One call of one function of a module. */
export interface RunRequest {
  readonly phase: Phase;
  /** How traces call the module. */
  readonly name: string;
  readonly module: string;
  readonly function: string;
  readonly args: readonly HostValue[];
  /** Set while a constitution is being tried out, so that trying out does not try itself out. */
  readonly rehearsal?: boolean;
}

/** How it went. `missing`: the module does not load, or has no such function. */
export type Ran =
  | { readonly kind: 'returned'; readonly value: HostValue }
  /** `refused`: what a host function would not do, which is an outcome that members reckon with, no defect. */
  | { readonly kind: 'threw'; readonly failure: Failure; readonly refused?: GovernanceError }
  | { readonly kind: 'missing'; readonly message: string };

/** Runs governance code over the transaction at hand. */
export type Runner = (request: RunRequest) => Ran;

/** Runs governance code in a world of its own: nothing survives from one call to the next. */
export function run(tx: Tx, world: GovernanceWorld, request: RunRequest): Ran {
  let refused: GovernanceError | undefined;
  const refuse = (error: GovernanceError): never => {
    refused = error;
    throw error;
  };
  const functions = hostFunctions(tx, world, { request, refuse, runner: (next) => run(tx, world, next) });
  const context = request.phase === 'apply' ? 'read-write governance' : 'read-only governance';
  const result = world.engine.evaluate(
    { modules: new Map([[request.name, request.module]]), entry: request.name },
    request.function,
    request.args,
    {
      tx,
      access: (name) => tableAccess(name, context),
      context,
      functions,
      now: world.now,
      random: (length) => world.random(length),
    },
    runtimeOptions.get(tx) ?? {},
  );
  for (const line of result.log) world.log(levels[line.level], line.text);
  const ran = ranOf(result);
  return ran.kind === 'threw' && refused ? { ...ran, refused } : ran;
}

const levels: Readonly<Record<LogLine['level'], 'info' | 'fail' | 'fatal'>> = {
  info: 'info',
  warn: 'fail',
  error: 'fatal',
};

function ranOf(result: EvaluationResult): Ran {
  switch (result.kind) {
    case 'returned':
      return { kind: 'returned', value: result.value };
    case 'missing':
      return { kind: 'missing', message: bounded(result.message) };
    case 'threw': {
      const { reason, trace } = result.failure;
      const failure = { reason: bounded(reason), ...(trace === undefined ? {} : { trace: bounded(trace) }) };
      return { kind: 'threw', failure };
    }
  }
}

/** An exception's text is the members' own, and some of it is kept in the ledger for ever. */
function bounded(text: string): string {
  return text.slice(0, governanceLimits.failureTextCharactersMax);
}

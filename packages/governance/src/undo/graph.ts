import {
  type Dependency,
  dependentClosure,
  eachDependency,
  type Lineage,
  type Struck,
  type Version,
} from '@coco/kv';
import { governanceLimits } from '../limits.ts';

/** Which later transactions hang on the named ones. */
export interface DependencyGraph {
  /** The named ones and, as far as asked for, all that hang on them; ascending. */
  readonly reached: readonly Version[];
  /** How they hang together, and what else hangs on them: the first `undoDependenciesMax` of it. */
  readonly dependencies: readonly Dependency[];
  /** More depends than may be undone at once: the graph is not complete. */
  readonly tooLarge: boolean;
}

/** Follows dependencies from the roots: one step, or as far as they go. */
export function dependencyGraph(
  lineage: Lineage,
  roots: readonly Version[],
  struck: Struck,
  follows: boolean,
): DependencyGraph {
  const { reached, isComplete } = follows
    ? dependentClosure(lineage, roots, struck, governanceLimits.undoTransactionsMax)
    : { reached: [...roots].sort((a, b) => a - b), isComplete: true };
  const dependencies: Dependency[] = [];
  for (const version of reached) {
    if (dependencies.length >= governanceLimits.undoDependenciesMax) break;
    eachDependency(lineage, version, struck, (dependency) => {
      dependencies.push(dependency);
      return dependencies.length >= governanceLimits.undoDependenciesMax;
    });
  }
  return { reached, dependencies, tooLarge: !isComplete };
}

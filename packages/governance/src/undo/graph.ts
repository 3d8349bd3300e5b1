import { type Dependency, eachDependency, type Lineage, type Struck, type Version } from '@coco/kv';
import { governanceLimits } from '../limits.ts';

/** Which later transactions hang on the named ones. */
export interface DependencyGraph {
  /** The named ones and, as far as asked for, all that hang on them; ascending. */
  readonly reached: readonly Version[];
  /** What was found on the way, the first `undoDependenciesMax` of it. */
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
  const reached = new Set(roots);
  const dependencies: Dependency[] = [];
  let tooLarge = false;
  for (const version of reached) {
    eachDependency(lineage, version, struck, (dependency) => {
      if (dependencies.length < governanceLimits.undoDependenciesMax) dependencies.push(dependency);
      if (follows && reached.size < governanceLimits.undoTransactionsMax) reached.add(dependency.by);
      else if (follows && !reached.has(dependency.by)) tooLarge = true;
    });
    if (tooLarge) break;
  }
  return { reached: [...reached].sort((a, b) => a - b), dependencies, tooLarge };
}

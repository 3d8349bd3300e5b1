import type { Modules } from '../call.ts';
import { ContractError } from '../errors.ts';
import { type LinkedModule, linkModule } from './link.ts';
import { moduleKey } from './resolve.ts';

/** Modules that can be used, and why the others cannot. */
export interface Linked {
  readonly linked: Map<string, LinkedModule>;
  readonly problems: ContractError[];
}

/** Links every module; one that cannot be linked is a problem of those who ask for it, not of the others. */
export function linkAll(modules: Modules): Linked {
  const linked = new Map<string, LinkedModule>();
  const problems: ContractError[] = [];
  for (const [name, source] of modules) {
    const key = moduleKey(name);
    try {
      linked.set(key, linkModule(key, source));
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      problems.push(error);
    }
  }
  for (const module of [...linked.values()]) {
    const missing = missingName(module, linked);
    if (!missing) continue;
    linked.delete(module.key);
    problems.push(missing);
  }
  return { linked, problems };
}

/** A name that a module imports and the other, which is there, does not export. */
function missingName(
  module: LinkedModule,
  linked: ReadonlyMap<string, LinkedModule>,
): ContractError | undefined {
  for (const [key, name] of module.wanted) {
    if (!linked.has(key) || exportsName(key, name, linked, new Set())) continue;
    const message = `${module.key}: the module ${key} does not export '${name}'`;
    return new ContractError('ModuleUnresolved', message, { module: module.key });
  }
  return undefined;
}

function exportsName(
  key: string,
  name: string,
  linked: ReadonlyMap<string, LinkedModule>,
  visited: Set<string>,
): boolean {
  const module = linked.get(key);
  if (!module || visited.has(key)) return false;
  visited.add(key);
  if (module.exports.includes(name)) return true;
  return name !== 'default' && module.stars.some((star) => exportsName(star, name, linked, visited));
}

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BuildError } from '../errors.ts';
import { limits } from '../limits.ts';

/** Whether the types of a contract were checked, and if not, why. */
export type TypeCheck =
  | { readonly kind: 'checked'; readonly ms: number }
  | { readonly kind: 'skipped'; readonly reason: string };

/**
 * Has the contract's own compiler check its project. Throws `TypesWrong` with what the compiler says. A contract
 * without `tsconfig.json`, or without `typescript` among its dependencies, is not checked.
 */
export function checkTypes(root: string): TypeCheck {
  if (!existsSync(join(root, 'tsconfig.json')))
    return { kind: 'skipped', reason: 'there is no tsconfig.json' };
  const compiler = compilerOf(root);
  if (compiler === undefined) return { kind: 'skipped', reason: 'typescript is not installed' };
  const start = performance.now();
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [compiler, '-p', '.', '--noEmit', '--pretty', 'false'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (error) throw new BuildError('TypesWrong', `the compiler ${compiler} cannot be run`, { cause: error });
  if (status === 0) return { kind: 'checked', ms: performance.now() - start };
  const lines = `${stdout}${stderr}`.trimEnd().split('\n');
  const shown = lines.slice(0, limits.findingsMax);
  const rest = lines.length - shown.length;
  const more = rest > 0 ? [`... and ${rest} lines more`] : [];
  throw new BuildError('TypesWrong', ['the types do not fit:', ...shown, ...more].join('\n'));
}

function compilerOf(root: string): string | undefined {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('typescript/package.json');
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { tsc: string } };
    return join(dirname(manifest), bin.tsc);
  } catch {
    return undefined;
  }
}

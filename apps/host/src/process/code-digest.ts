import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What the daemon consists of: its own text, and the lockfile that pins runtime and libraries by hash. */
const measured = ['package-lock.json', 'bin/runtime', 'apps/host/src/**/*.ts', 'packages/*/src/**/*.ts'];

/**
 * Hex SHA-256 over the code of this daemon: for each file, in the order of their paths, path and content
 * each led by its length. A TEE measures more; on the virtual platform this is what a node says of itself.
 */
export function codeDigest(): string {
  const root = join(import.meta.dirname, '../../../..');
  const hash = createHash('sha256');
  const paths = globSync(measured, { cwd: root })
    .map((path) => relative(root, join(root, path)))
    .filter((path) => !path.endsWith('.test.ts'))
    .sort();
  for (const path of paths) {
    for (const part of [Buffer.from(path), readFileSync(join(root, path))]) {
      hash.update(`${part.length}:`).update(part);
    }
  }
  return hash.digest('hex');
}

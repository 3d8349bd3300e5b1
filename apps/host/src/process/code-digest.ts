import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What the daemon consists of: its own text, and the lockfile that pins runtime and libraries by hash. */
const measured = ['package-lock.json', 'bin/runtime', 'apps/host/src/**/*.ts', 'packages/*/src/**/*.ts'];

/** In a bundle it lies beside the daemon and names every file of it with its digest (see scripts/bundle.ts). */
const bundleManifest = join(import.meta.dirname, 'MANIFEST');

/** Hex SHA-256 of the code of this daemon: of its bundle's manifest, or of its sources. */
export function codeDigest(): string {
  if (!existsSync(bundleManifest)) return sourceDigest();
  return createHash('sha256').update(readFileSync(bundleManifest)).digest('hex');
}

/**
 * Hex SHA-256 over the code of this daemon: for each file, in the order of their paths, path and content
 * each led by its length. A TEE measures more; on the virtual platform this is what a node says of itself.
 */
function sourceDigest(): string {
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

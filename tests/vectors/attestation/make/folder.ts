// What the makers write into: files, a manifest and mutations.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bytes } from './certificates.ts';

export const evaluateAt = '2026-06-01T00:00:00Z';

export interface Edit {
  readonly file?: string;
  readonly [operation: string]: unknown;
}

export class Folder {
  readonly #path: string;
  readonly #vectors: unknown[] = [];
  readonly #mutations: unknown[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Adds a vector with its files, given by their names within it. */
  vector(id: string, expected: string, files: Readonly<Record<string, Bytes>>, what: string): void {
    const digests: Record<string, string> = {};
    for (const [name, bytes] of Object.entries(files)) {
      const path = `${id}/${name}`;
      this.write(path, bytes);
      digests[path] = createHash('sha256').update(bytes).digest('hex');
    }
    this.#vectors.push({ id, what, evaluateAt, expected, files: digests });
  }

  mutation(base: string, name: string, edit: Edit, expect: string): void {
    this.#mutations.push({ base, name, edit, expect });
  }

  finish(roots: unknown): void {
    const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
    this.write('manifest.json', json({ vectors: this.#vectors }));
    this.write('mutations.json', json(this.#mutations));
    this.write('roots.json', json(roots));
  }

  write(name: string, bytes: Bytes): void {
    const path = join(this.#path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

// What the makers write into: files, a manifest and mutations.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Bytes, newEc, spkiOf } from './certificates.ts';

export const evaluateAt = '2026-06-01T00:00:00Z';

export interface Edit {
  readonly file?: string;
  readonly [operation: string]: unknown;
}

/** What no evidence may be, by the names of docs/attestation.md: each platform has one of each, where it can be. */
export type BadInput =
  | 'one bit of what is signed'
  | 'swapped certificates'
  | 'expired'
  | 'before its time'
  | 'wrong issuer'
  | 'debug'
  | 'truncated'
  | 'oversized'
  | 'wrong algorithm'
  | 'chain in odd order'
  | 'of another key'
  | 'replayed'
  | 'revoked'
  | 'of another machine';

export class Folder {
  /** The node whose key all evidence binds, and another one. */
  readonly nodeKey: Buffer = spkiOf(newEc('P-256'));
  readonly nodeDigest: Buffer = createHash('sha256').update(this.nodeKey).digest();
  readonly #path: string;
  readonly #vectors: unknown[] = [];
  readonly #mutations: unknown[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Adds a vector with its files, given by their names within it. */
  vector(
    id: string,
    expected: string,
    files: Readonly<Record<string, Bytes>>,
    what: string,
    bad?: BadInput,
  ): void {
    const digests: Record<string, string> = {};
    for (const [name, bytes] of Object.entries(files)) {
      const path = `${id}/${name}`;
      this.write(path, bytes);
      digests[path] = createHash('sha256').update(bytes).digest('hex');
    }
    this.#vectors.push({ id, what, evaluateAt, expected, ...(bad && { bad }), files: digests });
  }

  mutation(base: string, name: string, edit: Edit, expect: string, bad?: BadInput): void {
    this.#mutations.push({ base, name, ...(bad && { bad }), edit, expect });
  }

  /** Mutations that every vector with dated certificates and `node.pub.der` has in common. */
  commonMutations(base: string): void {
    this.mutation(base, 'after its time', { at: '2046-06-01T00:00:00Z' }, 'leaf expired', 'expired');
    this.mutation(
      base,
      'before its time',
      { at: '2025-12-31T00:00:00Z' },
      'leaf expired or not yet valid',
      'before its time',
    );
    const file = `${base}/node.pub.der`;
    this.mutation(
      base,
      'for another key',
      { file, replaceWith: ['other.pub.der'] },
      'does not bind this key',
      'of another key',
    );
    this.mutation(
      base,
      'for another challenge',
      { policy: { nonce: '01'.repeat(32) } },
      'replayed',
      'replayed',
    );
  }

  finish(roots: unknown): void {
    this.write('other.pub.der', spkiOf(newEc('P-256')));
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

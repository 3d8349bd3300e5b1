import { closeSync, mkdirSync, rename } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HostError, messageOf } from '../errors.ts';
import { openFile, syncData, syncNames, writeAll } from './durable.ts';

const renameFile = promisify(rename);
/** A file under this ending is not finished; a node that starts leaves it alone. */
const draftEnding = '.tmp';

/**
 * The snapshots directory. A snapshot that cannot be written is reported: the ledger does not depend on
 * it.
 */
export class SnapshotFiles {
  readonly #directory: string;
  readonly #onError: (error: HostError) => void;
  /** Operations follow one another, so that a snapshot is written before it is committed. */
  #tail: Promise<void> = Promise.resolve();
  readonly #sizes = new Map<string, number>();

  constructor(directory: string, onError: (error: HostError) => void) {
    this.#directory = directory;
    this.#onError = onError;
  }

  /** Writes a snapshot whose evidence is not committed yet. */
  write(name: string, bytes: Uint8Array, written: () => void): void {
    this.#then(name, async () => {
      mkdirSync(this.#directory, { recursive: true });
      const path = join(this.#directory, name);
      await writeFile(`${path}${draftEnding}`, bytes, 0, 'w');
      await renameFile(`${path}${draftEnding}`, path);
      await syncNames(this.#directory);
      this.#sizes.set(name, bytes.length);
      written();
    });
  }

  /** Appends the receipt of the evidence and renames the file `.committed`. */
  commit(name: string, receipt: Uint8Array): void {
    this.#then(name, async () => {
      const size = this.#sizes.get(name);
      if (size === undefined) throw new Error('it was not written');
      const path = join(this.#directory, name);
      await writeFile(path, receipt, size, 'r+');
      await renameFile(path, `${path}.committed`);
      await syncNames(this.#directory);
      this.#sizes.delete(name);
    });
  }

  /** Resolves when everything asked for is done. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  #then(name: string, work: () => Promise<void>): void {
    this.#tail = this.#tail.then(work).catch((error: unknown) => {
      const text = `snapshot ${join(this.#directory, name)}: ${messageOf(error)}`;
      this.#onError(new HostError('File', text, { cause: error }));
    });
  }
}

async function writeFile(path: string, bytes: Uint8Array, position: number, flags: string): Promise<void> {
  const fd = await openFile(path, flags, 0o600);
  try {
    await writeAll(fd, bytes, position);
    await syncData(fd);
  } finally {
    closeSync(fd);
  }
}

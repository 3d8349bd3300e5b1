import { closeSync, fstatSync, mkdirSync, readdirSync, rename } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseSnapshotName } from '@coco/ledger';
import type { SnapshotChoice } from '@coco/node';
import { HostError, messageOf } from '../errors.ts';
import { limits } from '../limits.ts';
import { openFile, readFully, syncData, syncNames, writeAll } from './durable.ts';

const renameFile = promisify(rename);
/** A file under this ending is not finished; a node that starts leaves it alone. */
const draftEnding = '.tmp';
const committedEnding = '.committed';

/** A snapshot that can be loaded: its evidence is committed and its receipt stands behind it. */
export interface CommittedSnapshot {
  /** Without the ending `.committed`. */
  readonly name: string;
  /** Of the state it holds. */
  readonly seqno: number;
  /** Of the transaction that recorded its digest. */
  readonly evidenceSeqno: number;
  readonly path: string;
}

/** Part of a snapshot; `name` is null when there is none to read. */
export interface SnapshotPart {
  readonly name: string | null;
  /** Bytes of the whole file. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

const none: SnapshotPart = { name: null, size: 0, bytes: new Uint8Array() };

/** The committed snapshots of some directories, newest first; a directory that is not there holds none. */
export function committedSnapshots(directories: readonly string[]): CommittedSnapshot[] {
  const found = directories.flatMap((directory) =>
    namesIn(directory).flatMap((file) => {
      const said = parseSnapshotName(file);
      if (!said?.committed) return [];
      const name = file.slice(0, -committedEnding.length);
      const { evidenceSeqno, seqno } = said;
      return [{ name, seqno, evidenceSeqno, path: join(directory, file) }];
    }),
  );
  return found.sort((a, b) => b.seqno - a.seqno);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * The snapshots directory. A snapshot that cannot be written is reported: the ledger does not depend on
 * it.
 */
export class SnapshotFiles {
  readonly #directory: string;
  readonly #directories: readonly string[];
  readonly #onError: (error: HostError) => void;
  /** Operations follow one another, so that a snapshot is written before it is committed. */
  #tail: Promise<void> = Promise.resolve();
  readonly #sizes = new Map<string, number>();

  constructor(directory: string, readOnlyDirectory: string | null, onError: (error: HostError) => void) {
    this.#directory = directory;
    this.#directories = readOnlyDirectory === null ? [directory] : [directory, readOnlyDirectory];
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
      await renameFile(path, `${path}${committedEnding}`);
      await syncNames(this.#directory);
      this.#sizes.delete(name);
    });
  }

  /** Reads part of a committed snapshot, from byte `from` up to and without byte `to` or its end. */
  read(
    choice: SnapshotChoice,
    { from, to }: { readonly from: number; readonly to: number },
    done: (found: SnapshotPart) => void,
  ): void {
    let found = none;
    this.#then('name' in choice ? choice.name : 'to be read', async () => {
      const snapshot = this.#choose(choice);
      if (snapshot) found = await readPart(snapshot, from, to);
    });
    void this.#tail.then(() => done(found));
  }

  /** Every committed snapshot that is there, newest first. */
  committed(): CommittedSnapshot[] {
    return committedSnapshots(this.#directories);
  }

  #choose(choice: SnapshotChoice): CommittedSnapshot | undefined {
    return this.committed().find(({ name, seqno }) =>
      'name' in choice ? name === choice.name : seqno < choice.newestBefore,
    );
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

async function readPart({ name, path }: CommittedSnapshot, from: number, to: number): Promise<SnapshotPart> {
  const fd = await openFile(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const length = Math.max(0, Math.min(to, size) - from);
    if (length > limits.snapshotReadBytesMax) {
      throw new Error(`${length} bytes are more than are read at a time (${limits.snapshotReadBytesMax})`);
    }
    return { name, size, bytes: new Uint8Array(await readFully(fd, { from, length })) };
  } finally {
    closeSync(fd);
  }
}

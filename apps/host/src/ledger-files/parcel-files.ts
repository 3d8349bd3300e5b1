import { closeSync, constants, mkdir, readdir, readFile, rm } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ParcelFile } from '@coco/node';
import { messageOf } from '../errors.ts';
import { limits } from '../limits.ts';
import { openFile, syncNames, writeAll } from './durable.ts';

const makeFolder = promisify(mkdir);
const namesIn = promisify(readdir);
const readWhole = promisify(readFile);
const remove = promisify(rm);

const { O_WRONLY, O_CREAT, O_TRUNC, O_DSYNC } = constants;
const pathShape = /^[0-9a-f]{40}\/[0-9a-f]{64}$/;
const folderShape = /^[0-9a-f]{40}$/;
const nameShape = /^[0-9a-f]{64}$/;

/**
 * The parcels directory: one file for each, named by its digest, in a folder for each audience and epoch. What a crash
 * leaves unfinished does not have the digest that its name says, and counts as not there.
 */
export class ParcelFiles {
  readonly #directory: string;
  readonly #complain: (what: string) => void;
  /** Operations follow one another, so that what is dropped after it was kept stays away. */
  #tail: Promise<void> = Promise.resolve();

  constructor(directory: string, complain: (what: string) => void) {
    this.#directory = directory;
    this.#complain = complain;
  }

  /** Writes parcels; once they are durable, or cannot be, `done` is told. */
  keep(parcels: readonly ParcelFile[], done: (error: string | undefined) => void): void {
    this.#then(async () => {
      const error = await this.#write(parcels).then(() => undefined, messageOf);
      done(error);
    });
  }

  /** Reads those that are there, as many as fit, at least one. */
  read(paths: readonly string[], done: (parcels: readonly ParcelFile[]) => void): void {
    this.#then(async () => {
      const found: ParcelFile[] = [];
      let bytesLeft = limits.readBytesMax;
      for (const path of paths) {
        const bytes = await unlessAbsent(readWhole(this.#place(path)));
        if (!bytes) continue;
        found.push({ path, bytes: new Uint8Array(bytes) });
        bytesLeft -= bytes.length;
        if (bytesLeft <= 0) break;
      }
      done(found);
    });
  }

  /** Names what is in a folder, in order. */
  list(folder: string, done: (names: readonly string[]) => void): void {
    this.#then(async () => {
      const names = (await unlessAbsent(namesIn(this.#folder(folder)))) ?? [];
      done(names.filter((name) => nameShape.test(name)).sort());
    });
  }

  /** Removes a folder with all that it holds, or single parcels. */
  drop(what: { readonly folder: string } | { readonly paths: readonly string[] }): void {
    this.#then(async () => {
      if ('folder' in what) {
        await remove(this.#folder(what.folder), { recursive: true, force: true });
        await unlessAbsent(syncNames(this.#directory));
        return;
      }
      for (const path of what.paths) await remove(this.#place(path), { force: true });
    });
  }

  /** Resolves when everything asked for is done. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  async #write(parcels: readonly ParcelFile[]): Promise<void> {
    const folders = new Set<string>();
    for (const { path, bytes } of parcels) {
      const place = this.#place(path);
      const folder = dirname(place);
      if (!folders.has(folder)) await makeFolder(folder, { recursive: true, mode: 0o700 });
      folders.add(folder);
      const fd = await openFile(place, O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC, 0o600);
      try {
        await writeAll(fd, bytes, 0);
      } finally {
        closeSync(fd);
      }
    }
    for (const folder of folders) await syncNames(folder);
    await syncNames(this.#directory);
    await syncNames(dirname(this.#directory));
  }

  #place(path: string): string {
    if (!pathShape.test(path)) throw new Error(`${path} is no path of a parcel`);
    return join(this.#directory, path);
  }

  #folder(folder: string): string {
    if (!folderShape.test(folder)) throw new Error(`${folder} is no folder of parcels`);
    return join(this.#directory, folder);
  }

  #then(work: () => Promise<void>): void {
    this.#tail = this.#tail.then(work).catch((error: unknown) => {
      this.#complain(`parcels in ${this.#directory}: ${messageOf(error)}`);
    });
  }
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

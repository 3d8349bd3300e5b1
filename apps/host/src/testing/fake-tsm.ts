import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { TsmFiles } from '../evidence/configfs-tsm.ts';

/** What a fake guest shows. */
export interface FakeGuest {
  readonly provider: string;
  report(reportData: Uint8Array): Uint8Array;
  readonly certificates?: Uint8Array;
  /** Called after each write, to do what another process might. */
  afterWrite?(tree: FakeTsm, directory: string): Promise<void>;
}

const errno = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code });

/**
 * configfs-tsm on ordinary files: a new directory has its attributes at once, each write counts a generation, a
 * report is made when it is read, and not before there is something to report.
 */
export class FakeTsm implements TsmFiles {
  readonly #guest: FakeGuest;
  readonly #busy: string[];

  /** `busy` are error codes that the first readings of the report fail with. */
  constructor(guest: FakeGuest, busy: readonly string[] = []) {
    this.#guest = guest;
    this.#busy = [...busy];
  }

  async mkdir(path: string): Promise<void> {
    await mkdir(path);
    await writeFile(join(path, 'provider'), `${this.#guest.provider}\n`);
    await writeFile(join(path, 'generation'), '0\n');
    await writeFile(join(path, 'auxblob'), this.#guest.certificates ?? new Uint8Array(0));
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    if (basename(path) !== 'inblob' || bytes.length === 0 || bytes.length > 64) throw errno('EINVAL');
    const directory = dirname(path);
    await writeFile(path, bytes);
    const generation = Number(await readFile(join(directory, 'generation'), 'utf8'));
    await writeFile(join(directory, 'generation'), `${generation + 1}\n`);
    await this.#guest.afterWrite?.(this, directory);
  }

  async read(path: string): Promise<Uint8Array> {
    if (basename(path) !== 'outblob') return new Uint8Array(await readFile(path));
    const code = this.#busy.shift();
    if (code !== undefined) throw errno(code);
    const asked = await readFile(join(dirname(path), 'inblob')).catch(() => {
      throw errno('EINVAL');
    });
    return this.#guest.report(new Uint8Array(asked));
  }

  /** Attributes go with their directory. */
  async rmdir(path: string): Promise<void> {
    for (const name of await readdir(path)) await rm(join(path, name));
    await rmdir(path);
  }
}

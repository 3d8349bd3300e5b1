import { closeSync, fdatasync, fsync, fsyncSync, open, openSync, write } from 'node:fs';
import { promisify } from 'node:util';

/* Small verbs over files whose completion means: it survives a power cut. */

/** @returns a file descriptor */
export const openFile = promisify(open);
export const syncData = promisify(fdatasync);
const sync = promisify(fsync);

/** Writes all bytes at a place; the system may take them in pieces. */
export async function writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += await writeSome(fd, bytes, done, position + done);
  }
}

function writeSome(fd: number, bytes: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, position, (error, written) => {
      if (error) reject(error);
      else if (written === 0) reject(new Error('nothing more can be written'));
      else resolve(written);
    });
  });
}

/** Makes the names in a directory durable: files created, renamed and removed. */
export async function syncNames(directory: string): Promise<void> {
  const fd = await openFile(directory, 'r');
  try {
    await sync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The same, at start and end, when nothing else is to be done meanwhile. */
export function syncDirectory(directory: string): void {
  syncFile(directory);
}

/** Makes the content of a file durable. */
export function syncFile(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

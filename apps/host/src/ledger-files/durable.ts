import { closeSync, fdatasync, fsync, fsyncSync, open, openSync, read, write } from 'node:fs';
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

/** Reads the bytes of a place; fewer when the file ends before. */
export async function readFully(
  fd: number,
  { from, length }: { readonly from: number; readonly length: number },
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const count = await readSome(fd, bytes, done, from + done);
    if (count === 0) return bytes.subarray(0, done);
    done += count;
  }
  return bytes;
}

function readSome(fd: number, into: Buffer, at: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, at, into.length - at, position, (error, count) =>
      error ? reject(error) : resolve(count),
    );
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

import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError, messageOf } from '../errors.ts';
import { limits } from '../limits.ts';

/** Where Linux (6.7 and newer) gives reports of SEV-SNP and TDX: `Documentation/ABI/testing/configfs-tsm`. */
export const tsmDirectory = '/sys/kernel/config/tsm/report';

/** The operations on that tree, so that a test can put a tree of its own in its place. */
export interface TsmFiles {
  mkdir(path: string): Promise<void>;
  write(path: string, bytes: Uint8Array): Promise<void>;
  read(path: string): Promise<Uint8Array>;
  rmdir(path: string): Promise<void>;
}

/** What the kernel gave. */
export interface TsmReport {
  /** `sev_guest`, `tdx_guest`. */
  readonly provider: string;
  /** The report or quote. */
  readonly report: Uint8Array;
  /** SNP: the host's certificates as a table; empty when it has none. */
  readonly certificates: Uint8Array;
}

const plainFiles: TsmFiles = {
  mkdir: async (path) => {
    await mkdir(path);
  },
  // One write without truncation: the attribute is taken when the file is closed.
  write: (path, bytes) => writeFile(path, bytes, { flag: 'r+' }),
  read: async (path) => new Uint8Array(await readFile(path)),
  rmdir,
};

/** Errors of a device that is busy with somebody else, or whose host is slow. */
const transient = new Set(['EBUSY', 'EAGAIN', 'EWOULDBLOCK', 'EINTR', 'EIO', 'ETIMEDOUT']);

let asked = 0;

/**
 * Asks for a report over 64 bytes in a directory of its own, which is removed afterwards. Another process that
 * wrote to the same directory would get its own data reported: the generation counts writes, and tells.
 * @throws HostError `Evidence`
 */
export async function tsmReport(
  reportData: Uint8Array,
  base: string = tsmDirectory,
  files: TsmFiles = plainFiles,
): Promise<TsmReport> {
  for (let tries = 1; ; tries++) {
    try {
      return await once(reportData, base, files);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (tries < limits.evidenceTriesMax && (error instanceof Interfered || transient.has(code))) continue;
      throw new HostError('Evidence', `${base}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Somebody else wrote: what was read may be over their data. */
class Interfered extends Error {
  override readonly message = 'another process wrote to the report while it was made';
}

async function once(reportData: Uint8Array, base: string, files: TsmFiles): Promise<TsmReport> {
  asked += 1;
  const directory = join(base, `coco-${process.pid}-${asked}`);
  await files.mkdir(directory);
  try {
    const text = async (name: string) =>
      new TextDecoder().decode(await files.read(join(directory, name))).trim();
    const before = Number(await text('generation'));
    await files.write(join(directory, 'inblob'), reportData);
    const report = await files.read(join(directory, 'outblob'));
    const provider = await text('provider');
    const certificates = await optional(files, join(directory, 'auxblob'));
    if (Number(await text('generation')) !== before + 1) throw new Interfered();
    return { provider, report, certificates };
  } finally {
    await files.rmdir(directory);
  }
}

/** The attribute is empty or absent where the platform has nothing beside the report. */
async function optional(files: TsmFiles, path: string): Promise<Uint8Array> {
  try {
    return await files.read(path);
  } catch (error) {
    if (['ENOENT', 'ENXIO', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      return new Uint8Array(0);
    }
    throw error;
  }
}

const entryBytes = 24;

/**
 * The certificates a host hands to an SNP guest (GHCB 2.0, 4.1.8.1): entries of GUID, offset and length, up to
 * a zero entry. DER by GUID, written as in text; unknown ones are left out.
 */
export function snpCertificateTable(table: Uint8Array): ReadonlyMap<SnpCertificate, Uint8Array> {
  const found = new Map<SnpCertificate, Uint8Array>();
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  for (let at = 0; at + entryBytes <= table.length; at += entryBytes) {
    const guid = guidText(table.subarray(at, at + 16));
    if (/^[0-]+$/.test(guid)) return found;
    const [offset, length] = [view.getUint32(at + 16, true), view.getUint32(at + 20, true)];
    if (offset + length > table.length) {
      throw new HostError('Evidence', `the table of certificates ends before certificate ${guid}`);
    }
    const name = certificateNames[guid];
    if (name !== undefined) found.set(name, table.subarray(offset, offset + length));
  }
  return found;
}

/** The certificates that matter: the chip's or the cloud's key, AMD's intermediate, AMD's root. */
export type SnpCertificate = 'vcek' | 'vlek' | 'ask' | 'ark';

const certificateNames: Readonly<Record<string, SnpCertificate>> = {
  '63da758d-e664-4564-adc5-f4b93be8accd': 'vcek',
  'a8074bc2-a25a-483e-aae6-39c045a0b8a1': 'vlek',
  '4ab7b379-bbac-4fe4-a02f-05aef327c782': 'ask',
  'c0b406a4-a803-4952-9743-3fb6014cd0ae': 'ark',
};

/** GUIDs are stored with their first three groups little-endian. */
function guidText(bytes: Uint8Array): string {
  const hex = (from: number, to: number, reversed: boolean) => {
    const part = bytes.slice(from, to);
    return (reversed ? part.reverse() : part).toHex();
  };
  return [hex(0, 4, true), hex(4, 6, true), hex(6, 8, true), hex(8, 10, false), hex(10, 16, false)].join('-');
}

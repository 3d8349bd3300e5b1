import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseCertificate } from '@coco/crypto';
import type { Io } from './command.ts';
import { CliError } from './errors.ts';

/** Reads a file named on the command line; `-` is standard input. */
export async function readBytes(io: Io, name: string): Promise<Uint8Array> {
  return name === '-' ? io.readStdin() : readBytesNow(io, name);
}

/** Reads a file named on the command line as text. */
export function readText(io: Io, name: string): string {
  return new TextDecoder().decode(readBytesNow(io, name));
}

/** Reads a certificate named on the command line, and throws `Failed` naming the file when it holds none. */
export function readCertificate(io: Io, name: string): string {
  const text = readText(io, name);
  try {
    parseCertificate(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('Failed', `${name} is no certificate in PEM: ${reason}`, { cause });
  }
  return text;
}

/** Reads a JSON file named on the command line. */
export function readJson(io: Io, name: string): unknown {
  try {
    return JSON.parse(readText(io, name));
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError('Failed', `${name} is not JSON`, { cause });
  }
}

/** The value of an option that is text, or `@file`, or `@-`. */
export async function readValue(io: Io, value: string): Promise<Uint8Array> {
  return value.startsWith('@') ? readBytes(io, value.slice(1)) : new TextEncoder().encode(value);
}

/** Writes a file, its folders included. `secret`: readable by its owner only. */
export function writeFile(
  io: Io,
  name: string,
  content: string | Uint8Array,
  options: { readonly secret?: boolean; readonly replace?: boolean } = {},
): void {
  const path = resolve(io.directory, name);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, {
      mode: options.secret === true ? 0o600 : 0o644,
      flag: options.replace === false ? 'wx' : 'w',
    });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new CliError('Failed', `${name} exists already; it is not overwritten`, { cause });
    }
    throw unreadable(name, cause, 'written');
  }
}

function readBytesNow(io: Io, name: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(resolve(io.directory, name)));
  } catch (cause) {
    throw unreadable(name, cause, 'read');
  }
}

function unreadable(name: string, cause: unknown, verb: string): CliError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  return new CliError('Failed', `${name} cannot be ${verb} (${reason})`, { cause });
}

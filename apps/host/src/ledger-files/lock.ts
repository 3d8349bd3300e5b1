import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { HostError } from '../errors.ts';

const lockName = 'node.lock';

/** Who holds a directory. */
interface Holder {
  readonly host: string;
  readonly pid: number;
  /** Start time of the process as the system counts it, so that a reused pid is not taken for the holder. */
  readonly started: string;
}

/**
 * Takes a directory for this process alone, until it is disposed of or the process ends: two daemons on one
 * ledger would overwrite each other's entries. The lock of a process that is gone is taken over.
 * @throws HostError `Locked` naming the holder
 */
export function lockDirectory(directory: string): Disposable {
  const path = join(directory, lockName);
  const mine: Holder = { host: hostname(), pid: process.pid, started: startTime(process.pid) ?? '' };
  const draft = join(directory, `${lockName}.${process.pid}`);
  const text = JSON.stringify(mine);
  writeFileSync(draft, text);
  try {
    takeLink(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    [Symbol.dispose]() {
      if (readOrNull(path) === text) rmSync(path, { force: true });
    },
  };
}

function takeLink(draft: string, path: string): void {
  if (link(draft, path)) return;
  const found = readOrNull(path);
  if (found !== null && isHeld(found)) throw held(path, found);
  // Moved aside rather than removed: of two daemons that find it stale only one can move the same file.
  const aside = `${draft}.stale`;
  renameSync(path, aside);
  const moved = readOrNull(aside);
  if (moved !== found && moved !== null && isHeld(moved)) {
    link(aside, path);
    rmSync(aside, { force: true });
    throw held(path, moved);
  }
  rmSync(aside, { force: true });
  if (!link(draft, path)) throw held(path, readOrNull(path) ?? '');
}

/** Answers false when the name is taken. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isHeld(text: string): boolean {
  try {
    const holder = JSON.parse(text) as Holder;
    // Of a process on another machine nothing can be told: better to refuse than to share.
    if (holder.host !== hostname()) return true;
    return startTime(holder.pid) === holder.started && holder.pid !== process.pid;
  } catch {
    return false;
  }
}

function held(path: string, text: string): HostError {
  const what = `${path}: the directory is in use by another node: ${text}`;
  return new HostError('Locked', `${what}; if that node is gone for good, remove the file`);
}

/** Undefined when there is no such process; empty where the system does not tell. */
function startTime(pid: number): string | undefined {
  const stat = readOrNull(`/proc/${pid}/stat`);
  // The second field, a name in parentheses, may hold anything: count from behind it.
  if (stat !== null) return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? undefined : '';
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

import { preferLengthMax, waitSecondsMax } from './limits.ts';

/** How the caller wishes its write to be answered. */
export interface CommitPreference {
  /** Hold the answer back until the transaction is committed, this many milliseconds at most. */
  readonly waitMs: number;
  /** Put the receipt into the answer (header `coco-receipt`) once committed. */
  readonly receipt: boolean;
}

/**
 * Reads a `prefer` header (RFC 7240). Answers null when it does not ask to wait; preferences that are
 * unknown or malformed are ignored, as the RFC asks, and the first mention of a preference counts.
 */
export function parsePrefer(value: string | undefined): CommitPreference | null {
  if (value === undefined || value.length > preferLengthMax) return null;
  let waitMs: number | undefined;
  let receipt = false;
  for (const part of value.toLowerCase().split(',')) {
    const [preference = ''] = part.split(';', 1);
    const [name = '', given = ''] = preference.split('=', 2).map((side) => side.trim());
    if (name === 'receipt') receipt = true;
    if (name === 'wait' && waitMs === undefined) waitMs = parseSeconds(given);
  }
  return waitMs === undefined ? null : { waitMs, receipt };
}

/** Writes the `prefer` header that `parsePrefer` reads; the wait is rounded up to whole seconds. */
export function formatPrefer(preference: CommitPreference): string {
  const wait = `wait=${Math.min(Math.ceil(preference.waitMs / 1000), waitSecondsMax)}`;
  return preference.receipt ? `${wait}, receipt` : wait;
}

function parseSeconds(given: string): number | undefined {
  const bare = given.startsWith('"') && given.endsWith('"') ? given.slice(1, -1) : given;
  return /^[0-9]{1,9}$/.test(bare) ? Math.min(Number(bare), waitSecondsMax) * 1000 : undefined;
}

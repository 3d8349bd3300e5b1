import { type ByteString, byteStringToUtf8 } from '@coco/kv';
import { LedgerError, type LedgerErrorCode } from './errors.ts';

/** Whether a parsed JSON value is an object with named fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses the JSON value of a table: UTF-8 bytes. Throws a LedgerError of `code`. */
export function parseJson(value: ByteString, code: LedgerErrorCode, what: string): unknown {
  try {
    return JSON.parse(byteStringToUtf8(value));
  } catch {
    throw new LedgerError(code, `${what} is not JSON in UTF-8`);
  }
}

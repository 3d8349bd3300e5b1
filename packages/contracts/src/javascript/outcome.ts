import type { Failure, LogLine, Response } from '../call.ts';
import { limits } from '../limits.ts';
import { commonHeaders } from './guest/port.ts';

/** What the texts of CCF say of a call that a limit ended, or that threw. */
export const messages = {
  threw: 'Exception thrown while executing.',
  time: 'Operation took too long to complete.',
} as const;

const common: readonly Response['headers'][] = commonHeaders.map((lines) =>
  lines === '' ? [] : [lines.split('\n') as [string, string]],
);

/**
 * A response as the guest reported it, see `Port.next`, and where writes begin in the report. The guest is not
 * believed: undefined when the report is not one.
 */
export function responseOf(
  report: readonly unknown[],
  log: unknown,
): { response: Response; writesFrom: number } | undefined {
  const status = report[1];
  const body = report[3];
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 999)
    return undefined;
  if (typeof body !== 'string') return undefined;
  const headers = headersOf(report[2]);
  if (!headers) return undefined;
  const plain: Response = { kind: 'response', status, headers, body, log: logOf(log) };
  // Writes come in threes: two more values than that are `applies` and `claims`.
  if ((report.length - 4) % 3 !== 2) return { response: plain, writesFrom: 4 };
  const applies = report[4];
  const claims = report[5];
  const response = {
    ...plain,
    ...(typeof applies === 'boolean' ? { applyWrites: applies } : undefined),
    ...(typeof claims === 'string' && claims.length === 32 ? { claimsDigest: claims } : undefined),
  };
  return { response, writesFrom: 6 };
}

function headersOf(lines: unknown): Response['headers'] | undefined {
  if (typeof lines === 'number') return common[lines];
  if (typeof lines !== 'string') return undefined;
  if (lines === '') return [];
  const parts = lines.split('\n');
  if (parts.length % 2 !== 0 || parts.length > 2 * limits.responseHeadersMax) return undefined;
  const headers: [string, string][] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const [name, value] = [parts[i] as string, parts[i + 1] as string];
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value)) return undefined;
    headers.push([name, value]);
  }
  return headers;
}

/** A failure as the guest reported it: message, reason, trace. */
export function failureOf(report: readonly unknown[], log: unknown): Failure {
  const [, message, reason, trace] = report;
  const text = typeof message === 'string' ? message : messages.threw;
  if (typeof reason !== 'string')
    return { kind: 'failed', code: 'InternalError', message: text, log: logOf(log) };
  const detail = {
    reason: clip(reason, limits.reasonCharactersMax),
    ...(typeof trace === 'string' ? { trace: clip(trace, limits.traceCharactersMax) } : undefined),
  };
  const limit = limitOf(reason);
  const failure: Failure = { kind: 'failed', code: 'InternalError', message: text, detail, log: logOf(log) };
  return limit ? { ...failure, limit } : failure;
}

/** A failure that the host declares. */
export function failed(message: string, reason?: string, limit?: Failure['limit']): Failure {
  const failure: Failure = { kind: 'failed', code: 'InternalError', message, log: [] };
  return {
    ...failure,
    ...(reason === undefined ? undefined : { detail: { reason } }),
    ...(limit === undefined ? undefined : { limit }),
  };
}

/** What V8 says when the stack is full. */
export const stackOverflow = 'RangeError: Maximum call stack size exceeded';

/** Which limit an exception comes from, if from one. */
export function limitOf(reason: string): Failure['limit'] {
  if (reason === stackOverflow) return 'stack';
  if (reason === 'RangeError: Array buffer allocation failed') return 'heap';
  return undefined;
}

const nothingPrinted: readonly LogLine[] = [];

/** Lines as the guest sent them. */
export function logOf(log: unknown): readonly LogLine[] {
  if (typeof log !== 'string' || log === '') return nothingPrinted;
  const lines: LogLine[] = [];
  try {
    for (const [level, text] of JSON.parse(log) as [string, string][]) {
      if (lines.length > limits.logLinesMax) break;
      if (level === 'info' || level === 'warn' || level === 'error')
        lines.push({ level, text: String(text) });
    }
  } catch {
    lines.push({ level: 'error', text: 'the log of this call is not readable' });
  }
  return lines;
}

/** A text cut to a length. */
export function clip(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters)}...`;
}

// biome-ignore-all lint/complexity/noArguments: these count what they were passed, and stay cheap.
import { decodeStrict, decodeUtf8, encodeText, textOf } from './bytes.ts';
import { callHost } from './invoke.ts';
import { tablesOf } from './kv-map.ts';
import type { Session } from './session.ts';
import { requireCount } from './values.ts';

/** Host functions to install: where, how many arguments, how many of those may be left out. */
export type FunctionTable = readonly (readonly [path: string, arity: number, optional: number])[];

function requireBuffer(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError('Argument must be an ArrayBuffer');
}

/** Conversions between text, JSON and bytes. */
function converters(): Record<string, unknown> {
  return {
    strToBuf(text: string): ArrayBuffer {
      requireCount(arguments.length, 1);
      if (typeof text !== 'string') throw new TypeError('Argument must be a string');
      return encodeText(text);
    },
    bufToStr(buffer: ArrayBuffer): string {
      requireCount(arguments.length, 1);
      return decodeUtf8(textOf(requireBuffer(buffer)));
    },
    jsonCompatibleToBuf(value: unknown): ArrayBuffer {
      requireCount(arguments.length, 1);
      const text = JSON.stringify(value);
      if (text === undefined) throw new TypeError('Argument must be JSON-compatible');
      return encodeText(text);
    },
    bufToJsonCompatible(buffer: ArrayBuffer): unknown {
      requireCount(arguments.length, 1);
      return JSON.parse(decodeStrict(textOf(requireBuffer(buffer))));
    },
  };
}

/** `ccf.rpc`. */
function rpc(session: Session): object {
  return {
    setApplyWrites(force: boolean): void {
      requireCount(arguments.length, 1);
      if (typeof force !== 'boolean') throw new TypeError('Argument must be a boolean');
      session.applies = force;
    },
    setClaimsDigest(digest: ArrayBuffer): void {
      requireCount(arguments.length, 1);
      const view = requireBuffer(digest);
      if (view.length !== 32) throw new TypeError('Argument must be a SHA-256 digest of 32 bytes');
      session.claims = textOf(view);
    },
  };
}

interface PastState {
  readonly transactionId: string;
  readonly receipt: unknown;
  readonly state: number;
}

/** A past state as app code sees it. */
export function pastState(session: Session, { transactionId, receipt, state }: PastState): object {
  return { transactionId, receipt, kv: tablesOf(session, state) };
}

function nonNegative(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} must be a non-negative integer`);
}

/** `ccf.historical.getStateRange`; the rest of `ccf.historical` needs no tables and is a host function. */
function getStateRange(session: Session): unknown {
  return function getStateRange(
    handle: number,
    start: number,
    end: number,
    secondsUntilExpiry: number,
  ): unknown {
    requireCount(arguments.length, 4);
    const args = [
      nonNegative(handle, 'handle'),
      nonNegative(start, 'start seqno'),
      nonNegative(end, 'end seqno'),
      nonNegative(secondsUntilExpiry, 'seconds until expiry'),
    ];
    session.requireOpen();
    const states = callHost(session.port, 'historical.stateRange', args) as PastState[] | null;
    return states?.map((state) => pastState(session, state)) ?? null;
  };
}

/** `ccf.indexes.open`: beyond CCF, an index that the contract declares. */
function openIndex(session: Session): unknown {
  return function open(name: string): unknown {
    requireCount(arguments.length, 1);
    session.requireOpen();
    const opened = callHost(session.port, 'indexes.open', [name]) as {
      seqno: unknown;
      built: unknown;
      waits: unknown;
      state: number;
    };
    const { rows } = tablesOf(session, opened.state) as { rows: unknown };
    return { seqno: opened.seqno, built: opened.built, waits: opened.waits, rows };
  };
}

/** What code prints becomes lines of the call's log. */
export function makeConsole(session: Session, lines: number, characters: number): object {
  const show = (value: unknown): string => {
    try {
      if (typeof value !== 'object' || value === null || value instanceof Error) return String(value);
      return JSON.stringify(value) ?? String(value);
    } catch {
      return '[unprintable]';
    }
  };
  const printer = (level: string) =>
    function print(...values: unknown[]): void {
      session.print(level, values.map(show).join(' '), lines, characters);
    };
  const info = printer('info');
  return { log: info, info, debug: info, warn: printer('warn'), error: printer('error') };
}

/** Puts host functions where code looks for them. */
function installFunctions(session: Session, table: FunctionTable, seeWrites: boolean): void {
  for (const [path, arity, optional] of table) {
    const names = path.split('.');
    const last = names.pop() as string;
    let target = globalThis as unknown as Record<string, Record<string, unknown>>;
    for (const name of names) {
      target[name] ??= {};
      target = target[name] as typeof target;
    }
    const call = (...args: unknown[]): unknown => {
      requireCount(args.length, arity, optional);
      if (seeWrites) session.flush();
      return callHost(session.port, `function:${path}`, args);
    };
    Object.defineProperty(call, 'name', { value: last });
    (target as Record<string, unknown>)[last] = call;
  }
}

type Ask = (value: unknown) => unknown;

/** Puts what remembers audiences before the host function that takes them. */
function rememberAudiences(session: Session, access: Record<string, Ask>): void {
  const ask = access.setAudience as Ask;
  access.setAudience = function setAudience(readers: unknown): void {
    requireCount(arguments.length, 1);
    session.setAudience(readers, ask);
  };
}

/** The `ccf` global and `console`. `isApp` adds what governance does not have. */
export function installGlobals(
  session: Session,
  how: { isApp: boolean; functions: FunctionTable; lines: number; characters: number },
): void {
  const ccf = converters();
  ccf.kv = tablesOf(session, 0);
  if (how.isApp) {
    ccf.rpc = rpc(session);
    ccf.historical = { getStateRange: getStateRange(session) };
    ccf.indexes = { open: openIndex(session) };
    Object.defineProperty(ccf, 'historicalState', { get: () => session.historical, enumerable: true });
  }
  let metrics = false;
  ccf.enableUntrustedDateTime = (enable: unknown) => Boolean(enable);
  ccf.enableMetricsLogging = (enable: unknown) => {
    const previous = metrics;
    metrics = Boolean(enable);
    return previous;
  };
  const define = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  define('ccf', ccf);
  define('console', makeConsole(session, how.lines, how.characters));
  // What governance asks of the node depends on what it has just written: who is a member, which app is installed.
  installFunctions(session, how.functions, !how.isApp);
  if (how.isApp && ccf.access) rememberAudiences(session, ccf.access as Record<string, Ask>);
}

/** What of this file runs inside, see program.ts. */
export const globalsProgram = [
  requireBuffer,
  converters,
  rpc,
  pastState,
  nonNegative,
  getStateRange,
  openIndex,
  makeConsole,
  installFunctions,
  rememberAudiences,
  installGlobals,
];

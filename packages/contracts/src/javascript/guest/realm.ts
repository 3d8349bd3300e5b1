import type { Session } from './session.ts';

/**
 * Makes the language deterministic in this context: clocks show the time of the call, chance comes from the
 * host's generator, and what reaches beyond the context is taken away.
 */
export function tameRealm(session: Session, random: () => number): void {
  for (const name of [
    'WebAssembly',
    'SharedArrayBuffer',
    'Atomics',
    'WeakRef',
    'FinalizationRegistry',
    'ShadowRealm',
  ]) {
    Reflect.deleteProperty(globalThis, name);
  }
  // What a regular expression last matched would show one call's data to the next.
  for (const name of Object.getOwnPropertyNames(RegExp)) {
    if (/^\$|^(input|last|left|right)/.test(name)) Reflect.deleteProperty(RegExp, name);
  }
  Reflect.deleteProperty(RegExp.prototype, 'compile');
  Object.defineProperty(Math, 'random', { value: random });
  tameDate(session);
  tameIntl(session);
  tameTemporal(session);
}

function tameDate(session: Session): void {
  const Real = Date;
  const Tamed = function (...args: unknown[]): unknown {
    if (!new.target) return new Real(session.now).toString();
    return Reflect.construct(Real, args.length === 0 ? [session.now] : args, new.target);
  };
  const now = { now: () => session.now }.now;
  Object.defineProperties(Tamed, {
    name: { value: 'Date' },
    length: { value: 7 },
    prototype: { value: Real.prototype, writable: false },
    now: { value: now, writable: true, configurable: true },
    parse: { value: Real.parse, writable: true, configurable: true },
    UTC: { value: Real.UTC, writable: true, configurable: true },
  });
  Object.defineProperty(Real.prototype, 'constructor', { value: Tamed, writable: true, configurable: true });
  Object.defineProperty(globalThis, 'Date', { value: Tamed, writable: true, configurable: true });
}

/** A date format asked to format nothing formats the present. */
function tameIntl(session: Session): void {
  if (typeof Intl === 'undefined') return;
  const prototype = Intl.DateTimeFormat.prototype as unknown as Record<string, unknown>;
  const format = Object.getOwnPropertyDescriptor(prototype, 'format')?.get as () => (date: unknown) => string;
  const parts = prototype.formatToParts as (date: unknown) => unknown;
  Object.defineProperty(prototype, 'format', {
    get(this: unknown) {
      const bound = Reflect.apply(format, this, []);
      return (date: unknown) => bound(date === undefined ? session.now : date);
    },
    configurable: true,
  });
  Object.defineProperty(prototype, 'formatToParts', {
    value: function formatToParts(this: unknown, date: unknown) {
      return Reflect.apply(parts, this, [date === undefined ? session.now : date]);
    },
    configurable: true,
    writable: true,
  });
}

interface Instants {
  readonly Instant: {
    fromEpochMilliseconds(ms: number): { toZonedDateTimeISO(zone: string): ZonedDateTime };
  };
  readonly Now: object;
}

interface ZonedDateTime {
  toPlainDateTime(): unknown;
  toPlainDate(): unknown;
  toPlainTime(): unknown;
}

function tameTemporal(session: Session): void {
  const temporal = (globalThis as { Temporal?: Instants }).Temporal;
  if (!temporal) return;
  const instant = () => temporal.Instant.fromEpochMilliseconds(session.now);
  const zoned = (zone = 'UTC') => instant().toZonedDateTimeISO(zone);
  const now = {
    instant,
    timeZoneId: () => 'UTC',
    zonedDateTimeISO: zoned,
    plainDateTimeISO: (zone = 'UTC') => zoned(zone).toPlainDateTime(),
    plainDateISO: (zone = 'UTC') => zoned(zone).toPlainDate(),
    plainTimeISO: (zone = 'UTC') => zoned(zone).toPlainTime(),
  };
  Object.defineProperty(temporal, 'Now', { value: now, writable: true, configurable: true });
}

/** Chance from bytes fetched in advance, 48 bits a number. */
export function randomSource(fetch: (count: number) => string, batch: number): () => number {
  let bytes = '';
  let at = 0;
  return function random(): number {
    if (at + 6 > bytes.length) {
      bytes = fetch(batch);
      at = 0;
    }
    let value = 0;
    for (let i = 0; i < 6; i++) value = value * 256 + bytes.charCodeAt(at + i);
    at += 6;
    return value / 2 ** 48;
  };
}

/** What of this file runs inside, see program.ts. */
export const realmProgram = [tameRealm, tameDate, tameIntl, tameTemporal, randomSource];

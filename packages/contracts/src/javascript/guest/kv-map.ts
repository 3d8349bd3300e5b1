// biome-ignore-all lint/complexity/noArguments: these count what they were passed, and stay cheap.
import { bytesOf, textOf } from './bytes.ts';
import { read } from './port.ts';
import { countRows, type Session, scanRows, type Writes } from './session.ts';
import { requireCount } from './values.ts';

/** A range as app code asks for it: bytes are ArrayBuffers. */
interface Range {
  readonly from?: ArrayBuffer;
  readonly to?: ArrayBuffer;
  readonly prefix?: ArrayBuffer;
  readonly after?: ArrayBuffer;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/**
 * A table, as app code holds it: `ccf.kv[name]`. It belongs to no call: it works on whatever call is in
 * progress, so that a module may keep it. The table of a past transaction has a `state` other than 0.
 */
export class KvMap {
  readonly #session: Session;
  readonly #name: string;
  readonly #state: number;

  constructor(session: Session, name: string, state: number) {
    this.#session = session;
    this.#name = name;
    this.#state = state;
  }

  has(key: ArrayBuffer): boolean {
    requireCount(arguments.length, 1);
    const text = this.#key(key, 'has', 1);
    const own = this.#pending()?.get(text);
    if (own !== undefined) return own !== null;
    return this.#session.read(read.presence, this.#state, this.#name, text) as boolean;
  }

  get(key: ArrayBuffer): ArrayBuffer | undefined {
    requireCount(arguments.length, 1);
    const text = this.#key(key, 'get', 1);
    let value: string | null | undefined = this.#pending()?.get(text);
    if (value === undefined) {
      value = this.#session.read(read.value, this.#state, this.#name, text) as string | undefined;
    }
    return value === undefined || value === null ? undefined : bytesOf(value);
  }

  getVersionOfPreviousWrite(key: ArrayBuffer): number | undefined {
    requireCount(arguments.length, 1);
    const text = this.#key(key, 'getVersionOfPreviousWrite', 1);
    return this.#session.read(read.version, this.#state, this.#name, text) as number | undefined;
  }

  set(key: ArrayBuffer, value: ArrayBuffer): this {
    requireCount(arguments.length, 2);
    this.#require(2, 'set');
    if (!(key instanceof ArrayBuffer && value instanceof ArrayBuffer)) {
      throw new TypeError('Arguments must be ArrayBuffers');
    }
    this.#own().set(textOf(new Uint8Array(key)), textOf(new Uint8Array(value)));
    return this;
  }

  delete(key: ArrayBuffer): void {
    requireCount(arguments.length, 1);
    this.#own().set(this.#key(key, 'delete', 2), null);
  }

  clear(): void {
    requireCount(arguments.length, 0);
    this.#require(2, 'clear');
    const writes = this.#own();
    writes.clear();
    for (const [key] of scanRows(this.#session, this.#state, this.#name, {})) this.#own().set(key, null);
  }

  forEach(callback: (value: ArrayBuffer, key: ArrayBuffer, map: this) => void): void {
    requireCount(arguments.length, 1);
    this.#require(1, 'foreach');
    if (typeof callback !== 'function') throw new TypeError('Argument must be a function');
    for (const [key, value] of scanRows(this.#session, this.#state, this.#name, {})) {
      callback(bytesOf(value), bytesOf(key), this);
    }
  }

  get size(): number {
    this.#require(1, 'size');
    return countRows(this.#session, this.#state, this.#name);
  }

  /** Beyond CCF: the rows of a range, in byte order of keys. */
  *range(range: Range = {}): Generator<[key: ArrayBuffer, value: ArrayBuffer]> {
    this.#require(1, 'range');
    for (const [key, value] of this.#scan(range)) yield [bytesOf(key), bytesOf(value)];
  }

  entries(range: Range = {}): Generator<[key: ArrayBuffer, value: ArrayBuffer]> {
    return this.range(range);
  }

  *keys(range: Range = {}): Generator<ArrayBuffer> {
    this.#require(1, 'keys');
    for (const [key] of this.#scan(range)) yield bytesOf(key);
  }

  *values(range: Range = {}): Generator<ArrayBuffer> {
    this.#require(1, 'values');
    for (const [, value] of this.#scan(range)) yield bytesOf(value);
  }

  #scan(range: Range): Generator<[key: string, value: string]> {
    const options: Record<string, unknown> = {};
    for (const name of ['from', 'to', 'prefix', 'after'] as const) {
      const bound = range[name];
      if (bound === undefined) continue;
      if (!(bound instanceof ArrayBuffer)) throw new TypeError(`${name} must be an ArrayBuffer`);
      options[name] = textOf(new Uint8Array(bound));
    }
    if (range.limit !== undefined) options.limit = range.limit;
    if (range.reverse !== undefined) options.reverse = Boolean(range.reverse);
    return scanRows(this.#session, this.#state, this.#name, options);
  }

  #require(right: number, method: string): void {
    if (this.#state === 0) this.#session.require(this.#name, right, method);
    else if (right === 1) this.#session.requireOpen();
    else throw new TypeError(`Cannot call ${method} on table named ${this.#name}: a past state is read-only`);
  }

  #key(key: unknown, method: string, right: number): string {
    this.#require(right, method);
    if (!(key instanceof ArrayBuffer)) throw new TypeError('Argument must be an ArrayBuffer');
    return textOf(new Uint8Array(key));
  }

  #pending(): Writes | undefined {
    return this.#state === 0 ? this.#session.pending(this.#name) : undefined;
  }

  #own(): Writes {
    return this.#session.writes(this.#name);
  }
}

/** `ccf.kv` or the `kv` of a past state: any name is a table. */
export function tablesOf(session: Session, state: number): object {
  const handles = new Map<string, KvMap>();
  const handle = (name: string): KvMap => {
    if (state === 0 && session.open && session.access(name) === 4) {
      throw new TypeError(`Cannot use table named ${name}: names that begin with "ccf." are reserved`);
    }
    const known = handles.get(name);
    if (known) return known;
    const map = new KvMap(session, name, state);
    Object.freeze(map);
    if (handles.size >= 1000) handles.clear();
    handles.set(name, map);
    return map;
  };
  return new Proxy(Object.freeze(Object.create(null)), {
    get: (_, name) => (typeof name === 'string' ? handle(name) : undefined),
    has: (_, name) => typeof name === 'string',
  });
}

/** What of this file runs inside, see program.ts. */
export const kvProgram = [KvMap, tablesOf];

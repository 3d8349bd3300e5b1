import { AccessError, type CallAccess, hasAudiences, isOwnTable, type MapDoor } from '@coco/access';
import {
  KvError,
  type RangeOptions,
  type ReadableMapState,
  type Row,
  type Tx,
  type WriteSet,
} from '@coco/kv';
import type { ExecutionContext, HostFunction, TableAccess } from '../call.ts';
import { limits } from '../limits.ts';
import { resolveSpecifier } from '../modules/resolve.ts';
import { decodeHostValue, encodeHostValue } from './codec.ts';
import { type Primitive, read } from './guest/port.ts';
import { WrittenTables } from './written-tables.ts';

/** What the call in progress may reach beside its transaction. */
export interface Reach {
  readonly access: (name: string, context: ExecutionContext) => TableAccess;
  random(length: number): Uint8Array;
}

/** What a call is served from. */
export interface Attachment {
  /** Begins its transaction; called when there is first need of it, at most once. May throw what `refused` makes. */
  readonly begin: () => Tx;
  readonly context: ExecutionContext;
  readonly reach: Reach;
  readonly functions: ReadonlyMap<string, HostFunction>;
  readonly access?: (() => CallAccess | undefined) | undefined;
}

/** Lists of readers under numbers: those that come with call after call cross as no more than that. */
export class NumberedLists {
  readonly #numbers = new Map<string, number>();
  readonly #lists: string[] = [];

  /** The number of a list as JSON; undefined where there is no room for more. */
  numberOf(list: string): number | undefined {
    const known = this.#numbers.get(list);
    if (known !== undefined || this.#lists.length >= limits.numberedMax) return known;
    // A guest remembers it for good, so that none is given up.
    const number = this.#lists.push(list) - 1;
    this.#numbers.set(list, number);
    return number;
  }

  /** The list that a guest named, by its number or as JSON. */
  find(named: unknown): string | undefined {
    if (typeof named === 'string') return named;
    return typeof named === 'number' ? this.#lists[named] : undefined;
  }
}

/** A past state as it is sent inside: its tables stay here, under a number. */
export interface SentState {
  readonly transactionId: string;
  readonly receipt: unknown;
  readonly state: number;
}

/**
 * Answers the isolate's calls into the host. Nothing here believes the isolate: names, rights and kinds are
 * checked again, and no exception leaves, since one would carry the host's stack inside.
 */
export class Switchboard {
  /** What the call in progress printed, as the guest sent it. */
  log: unknown;
  /** The host found no room on the stack in the middle of something: the call in progress must not succeed. */
  overflowed = false;
  /** The call in progress says that it looked at a clock. */
  sawTime = false;
  /** The call in progress was given past states. */
  sawPast = false;
  /** An exception that is the host's own mistake, to be thrown once the isolate has returned. */
  fault: unknown;

  readonly #lists: NumberedLists;
  #begin: (() => Tx) | undefined;
  #tx: Tx | undefined;
  #context: ExecutionContext = 'application';
  #reach: Reach | undefined;
  #functions: ReadonlyMap<string, HostFunction> = new Map();
  #access: (() => CallAccess | undefined) | undefined;
  #refusal = '';
  readonly #states: LentTables[] = [];
  readonly #scans = new Map<number, Iterator<Row>>();
  #scanCount = 0;
  readonly #rights = new Map<string, TableAccess>();

  constructor(lists = new NumberedLists()) {
    this.#lists = lists;
  }

  /** Serves a call from here on. What a rule says of a table is remembered as long as rule and context stay. */
  attach({ begin, context, reach, functions, access }: Attachment): void {
    if (this.#context !== context || this.#reach !== reach) this.#rights.clear();
    this.#begin = begin;
    this.#tx = undefined;
    this.#context = context;
    this.#reach = reach;
    this.#functions = functions;
    this.#access = access;
  }

  /** Whether the call in progress has had need of its transaction. */
  get hasBegun(): boolean {
    return this.#tx !== undefined;
  }

  /** The transaction of the call in progress. */
  begin(): Tx {
    if (!this.#begin) throw new RefusedError('no call is in progress');
    this.#tx ??= this.#begin();
    return this.#tx;
  }

  /** The private side of the call in progress. Refuses where the host has none. */
  access(): CallAccess {
    this.begin();
    const access = this.#access?.();
    if (access) return access;
    throw new RefusedError('audiences are not kept here');
  }

  detach(): void {
    this.#begin = undefined;
    this.#tx = undefined;
    this.#access = undefined;
    this.log = undefined;
    this.overflowed = false;
    this.sawTime = false;
    this.sawPast = false;
    if (this.#states.length > 0) this.#states.length = 0;
    if (this.#scans.size > 0) this.#scans.clear();
  }

  /** Lends a past state to the call in progress. */
  lend(state: { transactionId: string; receipt: unknown; writeSet: WriteSet }): SentState {
    const guarded = [...state.writeSet.keys()].some((map) => hasAudiences(map) || isOwnTable(map));
    const writeSet = guarded ? this.access().seen(state.writeSet) : state.writeSet;
    const number = this.lendTables(new WrittenTables(writeSet));
    return { transactionId: state.transactionId, receipt: state.receipt, state: number };
  }

  /** Lends tables that are not the transaction's to the call in progress. Answers their number. */
  lendTables(tables: LentTables): number {
    return this.#states.push(tables);
  }

  /** Whether the call in progress may write. */
  get mayWrite(): boolean {
    return this.#context === 'application';
  }

  /** One read; see guest/port.ts. Null when refused. */
  read(what: unknown, state: unknown, map: unknown, key: unknown): Primitive {
    try {
      if (typeof map !== 'string' || typeof key !== 'string') throw refused('read');
      if (state !== 0) return this.#readLent(what, state, map, key);
      const tx = this.#allowed(map, 'read');
      if (what === read.value) return tx.get(map, key);
      if (what === read.presence) return tx.has(map, key);
      if (what === read.version) return tx.versionOf(map, key);
      if (what === read.size) return tx.size(map);
      throw refused('read');
    } catch (error) {
      this.#blame(error);
      return null;
    }
  }

  write(...writes: readonly unknown[]): boolean {
    return this.#guard(false, () => {
      this.applyWrites(writes, 0);
      return true;
    });
  }

  /**
   * Applies triples of map, key and value from `start` on. One of nulls says that a clock was looked at, one of two
   * nulls names an audience, by its number or as JSON. Throws what `isRefusal` knows.
   */
  applyWrites(writes: readonly unknown[], start: number): void {
    for (let i = start; i + 2 < writes.length; i += 3) {
      const map = writes[i];
      const key = writes[i + 1];
      const value = writes[i + 2];
      if (map === null) {
        if (value === null) this.sawTime = true;
        else this.access().setKnownAudience(this.#listOf(value));
        continue;
      }
      if (typeof map !== 'string' || typeof key !== 'string') throw refused('write');
      const tx = this.#allowed(map, 'write');
      if (typeof value === 'string') tx.set(map, key, value);
      else if (value === null) tx.delete(map, key);
      else throw refused('write');
    }
  }

  scan(state: unknown, map: unknown, options: unknown): number {
    return this.#guard(-1, () => {
      if (typeof map !== 'string' || typeof options !== 'string') throw refused('scan');
      const range = rangeOf(options);
      const rows =
        state === 0 ? this.#allowed(map, 'read').range(map, range) : this.#lent(state).range(map, range);
      this.#scans.set(++this.#scanCount, rows);
      return this.#scanCount;
    });
  }

  rows(scan: unknown): string {
    return this.#guard('', () => {
      const rows = this.#scans.get(scan as number);
      if (!rows) return '';
      const lengths: number[] = [];
      let page = '';
      for (let count = 0; count < limits.rowsPerCrossing && page.length < limits.pageBytes; count++) {
        const { done, value } = rows.next();
        if (done) break;
        lengths.push(value.key.length, value.value.length);
        page += value.key + value.value;
      }
      return lengths.length === 0 ? '' : `${lengths.join(',')};${page}`;
    });
  }

  /** A host function by name: `V` and its value, or `E` and what it threw. */
  invoke(name: unknown, args: unknown): string {
    try {
      return `V${encodeHostValue(this.#invoke(String(name), decodeHostValue(String(args)) as readonly unknown[]))}`;
    } catch (error) {
      const kind = error instanceof Error ? error.constructor.name : 'Error';
      return `E${JSON.stringify({ kind, message: error instanceof Error ? error.message : String(error) })}`;
    }
  }

  print(log: unknown): void {
    this.log = log;
  }

  random(count: unknown): string {
    return this.#guard('', () => {
      if (!this.#begin || !this.#reach || typeof count !== 'number') throw refused('random');
      return String.fromCharCode(...this.#reach.random(Math.min(count, limits.randomBytesPerCrossing)));
    });
  }

  #invoke(name: string, args: readonly unknown[]): unknown {
    if (name === 'refusal') return this.#refusal;
    if (name === 'resolve') return resolveSpecifier(String(args[0]), String(args[1]));
    if (!this.#begin || !this.#reach)
      throw new TypeError(`${name} can be used only while a call is in progress`);
    if (name === 'access') return this.#reach.access(String(args[0]), this.#context);
    const found = this.#functions.get(name);
    if (!found) throw new TypeError(`${name} is not available here`);
    // What a function tells may hang on what came before; what the guest asks for itself does not.
    if (name !== 'plan' && name !== 'caller') this.begin();
    return found.call(...(args as never[]));
  }

  #guard<T, U>(otherwise: U, work: () => T): T | U {
    try {
      return work();
    } catch (error) {
      this.#blame(error);
      return otherwise;
    }
  }

  /** Decides whose an exception is: the asking code's, the call's as a whole, or the host's. */
  #blame(error: unknown): void {
    if (isRefusal(error)) this.#refusal = error.message;
    else if (isOverflow(error)) this.overflowed = true;
    else this.fault ??= error;
  }

  /** The one way from code to maps. Rows that have audiences are behind a door of their own. */
  #allowed(map: string, right: 'read' | 'write'): MapDoor {
    if (!this.#begin || !this.#reach) throw refused(right);
    let access = this.#rights.get(map);
    if (access === undefined) {
      access = this.#reach.access(map, this.#context);
      if (this.#rights.size >= limits.rememberedTablesMax) this.#rights.clear();
      this.#rights.set(map, access);
    }
    if (access !== 'read-write' && access !== `${right}-only`) {
      throw new RefusedError(`table ${map} may not be ${right === 'read' ? 'read' : 'written'} here`);
    }
    if (hasAudiences(map)) return this.access().rows;
    return this.begin();
  }

  #listOf(named: unknown): string {
    const list = this.#lists.find(named);
    if (list === undefined) throw refused('audience');
    return list;
  }

  #lent(state: unknown): LentTables {
    const tables = this.#states[(state as number) - 1];
    if (!tables) throw refused('read of a past state');
    return tables;
  }

  #readLent(what: unknown, state: unknown, map: string, key: string): Primitive {
    const tables = this.#lent(state);
    switch (what) {
      case read.value:
        return tables.get(map, key);
      case read.presence:
        return tables.has(map, key);
      case read.size:
        return tables.size(map);
      default:
        return undefined;
    }
  }
}

/** Tables that a call reads beside those of its transaction. */
export type LentTables = Pick<ReadableMapState, 'get' | 'has' | 'size' | 'range'>;

/** Refusals are told to the code that asked; every other exception is the host's own. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof RefusedError || error instanceof KvError || error instanceof AccessError;
}

function isOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded';
}

/** What the code that asked is told. */
export class RefusedError extends Error {}

function refused(what: string): RefusedError {
  return new RefusedError(`a ${what} that makes no sense`);
}

function rangeOf(text: string): RangeOptions {
  const options = JSON.parse(text) as Record<string, unknown>;
  const range: RangeOptions = {};
  for (const name of ['from', 'to', 'prefix', 'after'] as const) {
    const bound = options[name];
    if (typeof bound === 'string') range[name] = bound;
  }
  if (options.reverse === true) range.reverse = true;
  const { limit } = options;
  if (limit === undefined) return range;
  if (typeof limit === 'number' && Number.isSafeInteger(limit) && limit >= 0) return { ...range, limit };
  throw new RefusedError('limit must be a non-negative integer');
}

import { callHost } from './invoke.ts';
import { type Port, type Primitive, read } from './port.ts';

/** Pending writes of one table. */
export type Writes = Map<string, string | null>;

/** What modules have at hand of the call in progress; see modules/link.ts. */
export interface Turn {
  /** Asynchronous functions write here as they begin. */
  promised: boolean;
  /** The global `Promise`, to compare with. */
  Promise: unknown;
}

/** A list of readers behind an endpoint and a caller, or the beginning of one. */
interface KnownList {
  readonly next: Map<string | number, KnownList>;
  /** What to say to the host in its place; undefined if the host has not taken it. */
  told: Primitive;
}

/** What the call in progress has done so far. One per context; begun anew for each call. */
export class Session {
  readonly port: Port;
  /** A call is in progress: tables can be reached. */
  open = false;
  context = 'application';
  /** Code has looked at a clock. */
  sawTime = false;
  applies: boolean | undefined;
  claims: string | undefined;
  historical: unknown;
  readonly turn: Turn = { promised: false, Promise };
  #promised = false;

  readonly #shielded: boolean;
  #now = 0;
  readonly #tables = new Map<string, Writes>();
  /** What endpoint and which caller the call is of, in the host's numbers. */
  #plan = -1;
  #caller = -1;
  /** Audiences named and not told yet, as the host knows them. */
  #audiences: Primitive[] = [];
  /** Audiences that the host took before, by the endpoint and the caller it took them of. */
  readonly #taken: KnownList = { next: new Map(), told: undefined };
  #takenCount = 0;
  #log: string[][] = [];
  #dropped = 0;
  /** Rights by table name, for each execution context. */
  readonly #rights = new Map<string, Map<string, number>>();
  #access = new Map<string, number>();
  /** Held only so that they are not collected before the entry ends. */
  protected shield: Promise<never> | undefined;
  protected entryShield: Promise<never> | undefined;

  constructor(port: Port, shielded: boolean) {
    this.port = port;
    this.#shielded = shielded;
  }

  begin(context: string, now: number, plan: number, caller: number): void {
    this.open = true;
    this.#plan = plan;
    this.#caller = caller;
    if (this.#audiences.length > 0) this.#audiences = [];
    if (this.context !== context || this.#rights.size === 0) this.#enter(context);
    this.#now = now;
    this.sawTime = false;
    this.applies = undefined;
    this.claims = undefined;
    this.historical = undefined;
    this.turn.promised = false;
    this.#promised = false;
    this.shield = undefined;
    if (this.#tables.size > 0) this.#tables.clear();
    if (this.#log.length > 0) this.#log = [];
    this.#dropped = 0;
  }

  /** What clocks show. */
  get now(): number {
    this.sawTime = true;
    return this.#now;
  }

  #enter(context: string): void {
    this.context = context;
    this.#access = this.#rights.get(context) ?? new Map();
    this.#rights.set(context, this.#access);
  }

  end(): void {
    this.open = false;
    this.historical = undefined;
  }

  /** A promise may have been made: microtasks must run out before another call begins. */
  get promised(): boolean {
    return this.#promised || this.turn.promised;
  }

  /** Notes that promises are in play, in an entry that need not have begun with `shieldEntry`. */
  promise(): void {
    if (this.#promised) return;
    this.#promised = true;
    this.shield = this.#rejected();
  }

  /** For an entry in which asynchronous functions say no more than that they begin. */
  shieldEntry(): void {
    this.entryShield = this.#rejected();
  }

  /** Ends an entry in which no promise was made: that nobody heard of the rejection would cost an exception. */
  lowerEntryShield(): void {
    this.entryShield?.catch(() => {});
    this.entryShield = undefined;
  }

  /**
   * The first unhandled rejection of an entry: when the entry ends it is reported in place of what app code may have left
   * behind, whose getters would otherwise run outside every limit.
   */
  #rejected(): Promise<never> | undefined {
    return this.#shielded ? (Reflect.apply(Promise.reject, Promise, []) as Promise<never>) : undefined;
  }

  requireOpen(): void {
    if (!this.open) throw new TypeError('ccf.kv can be used only while a call is in progress');
  }

  /** 1 if a table may be read, plus 2 if it may be written; 4 if not even its name may be used. */
  access(name: string): number {
    const known = this.#access.get(name);
    if (known !== undefined) return known;
    const rights = { none: 0, 'read-only': 1, 'write-only': 2, 'read-write': 3, reserved: 4 };
    const access = rights[callHost(this.port, 'access', [name, this.context]) as keyof typeof rights];
    if (this.#access.size >= 1000) this.#access.clear();
    this.#access.set(name, access);
    return access;
  }

  require(name: string, right: number, method: string): void {
    this.requireOpen();
    const access = this.access(name);
    if ((access & right) === right) return;
    const words = ['inaccessible', 'read-only', 'write-only'][access] ?? 'inaccessible';
    throw new TypeError(
      `Cannot call ${method} on table named ${name}. This table is ${words} in current ${this.context} ` +
        'execution context. See https://microsoft.github.io/CCF/main/audit/read_write_restrictions.html ' +
        'for more detail.',
    );
  }

  /** Pending writes of a table, if there are any. */
  pending(name: string): Writes | undefined {
    return this.#tables.get(name);
  }

  /** Where to put writes of a table. */
  writes(name: string): Writes {
    let writes = this.#tables.get(name);
    if (!writes) {
      writes = new Map();
      this.#tables.set(name, writes);
    }
    return writes;
  }

  read(what: number, state: number, name: string, key: string): string | number | boolean | undefined {
    const found = this.port.read(what, state, name, key);
    if (found === null) this.refused();
    return found as string | number | boolean | undefined;
  }

  refused(): never {
    throw new TypeError(String(callHost(this.port, 'refusal', [])));
  }

  /**
   * Says who may see what the call writes. What the host has never been asked it is asked at once, so that a refusal
   * is thrown where it belongs; what it took before, of this caller, it hears with the writes and without a crossing.
   */
  setAudience(readers: unknown, ask: (readers: unknown) => unknown): void {
    this.requireOpen();
    const named = copyOf(readers);
    const known = named && this.#knownList(named);
    if (known?.told !== undefined) {
      this.#audiences.push(known.told);
      return;
    }
    if (!this.tellAudiences()) this.refused();
    const number = ask(named ?? readers);
    if (known) known.told = typeof number === 'number' ? number : JSON.stringify(named);
  }

  #knownList(named: readonly string[]): KnownList {
    let list = this.#step(this.#step(this.#taken, this.#plan), this.#caller);
    for (const reader of named) list = this.#step(list, reader);
    return list;
  }

  #step({ next }: KnownList, to: string | number): KnownList {
    const known = next.get(to);
    if (known) return known;
    if (++this.#takenCount > 4000) {
      this.#taken.next.clear();
      this.#takenCount = 0;
    }
    const made = { next: new Map(), told: undefined };
    next.set(to, made);
    return made;
  }

  /**
   * Tells the host of audiences where no writes will: it must know that a call was private, however it ends. False
   * when the host refuses.
   */
  tellAudiences(): boolean {
    return this.#audiences.length === 0 || this.port.write(...this.#takeAudiences());
  }

  /** In the place of writes: triples of two nulls and an audience. */
  #takeAudiences(): Primitive[] {
    const triples: Primitive[] = [];
    for (const audience of this.#audiences) triples.push(null, null, audience);
    this.#audiences = [];
    return triples;
  }

  /** Gives pending writes to the host, whose reads then see them. */
  flush(): void {
    if (this.#tables.size === 0) return;
    const pending = this.takeWrites(0);
    for (let at = 0; at < pending.length; at += 3000) {
      if (!this.port.write(...pending.slice(at, at + 3000))) this.refused();
    }
  }

  /** Pending writes as triples, after audiences; beyond `most` of them they go to the host at once instead. */
  takeWrites(most: number): Primitive[] {
    if (most > 0 && this.#writeCount() > most) this.flush();
    const triples = this.#audiences.length === 0 ? [] : this.#takeAudiences();
    for (const [name, writes] of this.#tables) {
      for (const [key, value] of writes) triples.push(name, key, value);
    }
    this.#tables.clear();
    return triples;
  }

  #writeCount(): number {
    let count = 0;
    for (const writes of this.#tables.values()) count += writes.size;
    return count;
  }

  print(level: string, text: string, lines: number, characters: number): void {
    if (this.#log.length >= lines) {
      this.#dropped++;
      return;
    }
    const kept = text.length > characters ? `${text.slice(0, characters)}...` : text;
    this.#log.push([level, kept]);
  }

  /** JSON of the printed lines; empty when there are none. */
  takeLog(): string {
    if (this.#log.length === 0) return '';
    if (this.#dropped > 0) this.#log.push(['warn', `${this.#dropped} more lines were dropped`]);
    const text = JSON.stringify(this.#log);
    this.#log = [];
    this.#dropped = 0;
    return text;
  }
}

/** A list of strings, each looked at once; undefined for anything else, and for longer ones than an audience may be. */
function copyOf(list: unknown): string[] | undefined {
  if (!Array.isArray(list) || list.length > 32) return undefined;
  const copy: string[] = [];
  for (let i = 0; i < list.length; i++) {
    const each: unknown = list[i];
    if (typeof each !== 'string') return undefined;
    copy.push(each);
  }
  return copy;
}

/** Rows of a table, in order, a page at a time. */
export function* scanRows(
  session: Session,
  state: number,
  name: string,
  options: Readonly<Record<string, unknown>>,
): Generator<[key: string, value: string]> {
  if (state === 0) session.flush();
  const scan = session.port.scan(state, name, JSON.stringify(options));
  if (scan < 0) session.refused();
  for (;;) {
    session.requireOpen();
    const page = session.port.rows(scan);
    if (page === '') return;
    const semicolon = page.indexOf(';');
    const lengths = page.slice(0, semicolon).split(',');
    let at = semicolon + 1;
    for (let i = 0; i < lengths.length; i += 2) {
      const middle = at + Number(lengths[i]);
      const end = middle + Number(lengths[i + 1]);
      yield [page.slice(at, middle), page.slice(middle, end)];
      at = end;
    }
  }
}

/** How many rows a table has. */
export function countRows(session: Session, state: number, name: string): number {
  if (state === 0) session.flush();
  return session.read(read.size, state, name, '') as number;
}

/** What of this file runs inside, see program.ts. */
export const sessionProgram = [Session, copyOf, scanRows, countRows];
